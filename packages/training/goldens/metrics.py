"""Reference values of metrics by scikit-learn.

Run `python packages/training/goldens/metrics.py` (numpy, scikit-learn) to write metrics.golden.json beside this file; the
tests read that file. Scores are rounded to quarters in some cases so that there are ties.
"""

import json
import pathlib

import numpy as np
from sklearn import metrics as m

rng = np.random.default_rng(11)


def flat(a):
    return [float(v) for v in np.asarray(a).reshape(-1)]


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def classes_case(name, logits, y):
    logits = logits.astype(np.float32).astype(np.float64)
    classes = logits.shape[1]
    p = softmax(logits)
    predicted = logits.argmax(axis=1)
    auc = m.roc_auc_score(y, p[:, 1]) if classes == 2 else m.roc_auc_score(y, p, multi_class="ovr", average="macro")
    case = {
        "name": name,
        "classes": classes,
        "logits": flat(logits),
        "labels": [int(v) for v in y],
        "confusion": m.confusion_matrix(y, predicted, labels=range(classes)).tolist(),
        "accuracy": m.accuracy_score(y, predicted),
        "macroF1": m.f1_score(y, predicted, average="macro", zero_division=0),
        "microF1": m.f1_score(y, predicted, average="micro"),
        "auc": auc,
    }
    if classes > 3 and "ties" not in name:
        # Of equal scores scikit-learn counts the last as larger, we the first; cases with ties are left out.
        case["top3"] = m.top_k_accuracy_score(y, logits, k=3, labels=range(classes))
    return case


def labels_case(name, logits, targets):
    logits = logits.astype(np.float32).astype(np.float64)
    predicted = (logits > 0).astype(int)
    return {
        "name": name,
        "width": logits.shape[1],
        "logits": flat(logits),
        "targets": flat(targets),
        "accuracy": m.accuracy_score(targets, predicted),
        "macroF1": m.f1_score(targets, predicted, average="macro", zero_division=0),
        "microF1": m.f1_score(targets, predicted, average="micro", zero_division=0),
        "auc": m.roc_auc_score(targets, logits, average="macro"),
    }


def values_case(name, outputs, targets):
    outputs, targets = (a.astype(np.float32).astype(np.float64) for a in (outputs, targets))
    return {
        "name": name,
        "width": outputs.shape[1],
        "outputs": flat(outputs),
        "targets": flat(targets),
        "mae": m.mean_absolute_error(targets, outputs),
        "rmse": float(np.sqrt(m.mean_squared_error(targets, outputs))),
        "r2": m.r2_score(targets, outputs),
    }


def quarters(a):
    return np.round(a * 4) / 4


y5 = np.concatenate([np.arange(5), rng.integers(0, 5, 75)])
y2 = np.concatenate([np.arange(2), rng.integers(0, 2, 60)])
signal = rng.normal(size=(80, 5)) + 1.5 * np.eye(5)[y5]
pair = rng.normal(size=(62, 2)) + np.eye(2)[y2]
spread = rng.normal(size=(40, 3))
golden = {
    "classes": [
        classes_case("five classes", signal, y5),
        classes_case("five classes with ties", quarters(signal), y5),
        classes_case("two classes", pair, y2),
        classes_case("two classes with ties", quarters(pair), y2),
    ],
    "labels": [
        labels_case("four labels", rng.normal(size=(50, 4)) - 0.3, rng.integers(0, 2, (50, 4))),
        labels_case("ties", quarters(rng.normal(size=(50, 3))) + 0.125, rng.integers(0, 2, (50, 3))),
    ],
    "values": [
        values_case("three columns", spread + rng.normal(size=spread.shape) * 0.3, spread),
        values_case("a constant column", rng.normal(size=(20, 2)), np.stack([np.ones(20), rng.normal(size=20)], axis=1)),
    ],
}
path = pathlib.Path(__file__).with_name("metrics.golden.json")
path.write_text(json.dumps(golden) + "\n")
