"""Checksums of the archive's series as the aeon toolkit reads them, for readers/series.test.ts.

Usage: python packages/data/goldens/series.py FOLDER
FOLDER holds BasicMotions_{TRAIN,TEST}.ts and JapaneseVowels_{TRAIN,TEST}.ts.
"""

import json
import pathlib
import sys

import aeon
import numpy as np
from aeon.datasets import load_from_ts_file

folder = pathlib.Path(sys.argv[1])
out = {"aeon": aeon.__version__, "files": {}}
for name in ("BasicMotions", "JapaneseVowels"):
    for part in ("TRAIN", "TEST"):
        x, y = load_from_ts_file(str(folder / f"{name}_{part}.ts"))
        series = [np.asarray(case, dtype=np.float64) for case in x]
        out["files"][f"{name}_{part}"] = {
            "count": len(series),
            "channels": int(series[0].shape[0]),
            "lengths": [int(s.shape[1]) for s in series],
            "y": [str(label) for label in y],
            # Sum over each series, weighted by the place of each value: an exchange of axes or channels shows.
            "sums": [
                float(np.sum(s * (1 + np.arange(s.shape[1]))[None, :] * (1 + np.arange(s.shape[0]))[:, None]))
                for s in series[:30]
            ],
            "first": [[float(v) for v in s[:, 0]] for s in series[:3]],
        }
path = pathlib.Path(__file__).parent.parent / "src" / "readers" / "series.golden.json"
path.write_text(json.dumps(out) + "\n")
