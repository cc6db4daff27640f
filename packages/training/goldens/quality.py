"""Reference values of confidence intervals and of figures of likeness, by SciPy, scikit-learn and NumPy.

Run `python packages/training/goldens/quality.py` (numpy, scipy, scikit-learn) to write quality.golden.json beside this file; the tests
read that file.
"""

import json
import pathlib

import numpy as np
from scipy import special, stats
from sklearn import metrics as m

rng = np.random.default_rng(5)


def flat(a):
    return [float(v) for v in np.asarray(a).reshape(-1)]


def wilson(hits, n):
    ci = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    return {"hits": hits, "samples": n, "low": ci.low, "high": ci.high}


def normal(values):
    se = values.std(ddof=1) / np.sqrt(len(values))
    low, high = stats.norm.interval(0.95, loc=values.mean(), scale=se)
    return {"values": flat(values), "low": low, "high": high}


def bootstrap(name, data, statistic):
    ci = stats.bootstrap(
        data, statistic, paired=True, vectorized=False, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    return {"name": name, "data": [flat(d) for d in data], "low": float(ci.low), "high": float(ci.high)}


squares = (rng.standard_normal(200) * 0.3).astype(np.float32).astype(np.float64) ** 2
truth = (rng.random(150) < 0.4).astype(int)
scores = np.round(rng.standard_normal(150) + truth, 1)


def fidelity(a, b):
    a, b = a.astype(np.float32).astype(np.float64), b.astype(np.float32).astype(np.float64)
    p, q = special.log_softmax(a, axis=1), special.log_softmax(b, axis=1)
    return {
        "shape": list(a.shape),
        "before": flat(a),
        "after": flat(b),
        "agreement": float((a.argmax(1) == b.argmax(1)).mean()),
        "kl": float(special.rel_entr(np.exp(p), np.exp(q)).sum(axis=1).mean()),
        "sqnrDb": float(10 * np.log10(((a - a.mean(0)) ** 2).sum() / ((a - b) ** 2).sum())),
        "maxAbsDifference": float(np.abs(a - b).max()),
    }


base = rng.standard_normal((40, 6)) * 2 + 30
labels = rng.integers(0, 3, (12, 20))
said = np.where(rng.random((12, 20)) < 0.7, labels, rng.integers(0, 3, (12, 20)))
golden = {
    "wilson": [wilson(0, 10), wilson(10, 10), wilson(7, 9), wilson(354, 359), wilson(1, 2)],
    "normal": [normal(rng.exponential(2, 50).astype(np.float32).astype(np.float64))],
    "bootstrap": [
        bootstrap("rmse", (squares,), lambda s: np.sqrt(s.mean())),
        bootstrap("auc", (scores, truth.astype(float)), lambda s, t: m.roc_auc_score(t, s)),
    ],
    "auc": m.roc_auc_score(truth, scores),
    "fidelity": [fidelity(base, base + rng.standard_normal((40, 6)) * s) for s in (0.01, 0.5, 3)],
    "segmentation": {
        "labels": [int(v) for v in labels.reshape(-1)],
        "said": [int(v) for v in said.reshape(-1)],
        "mIoU": m.jaccard_score(labels.reshape(-1), said.reshape(-1), average="macro"),
        "accuracy": m.accuracy_score(labels.reshape(-1), said.reshape(-1)),
    },
}
pathlib.Path(__file__).with_name("quality.golden.json").write_text(json.dumps(golden) + "\n")
