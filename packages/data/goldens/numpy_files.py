"""NPY and NPZ files by NumPy, for src/readers/numpy.test.ts.

Usage: python packages/data/goldens/numpy_files.py
Writes numpy.golden.json; files are base64.
"""

import base64
import io
import json
import pathlib

import numpy as np

shape = (2, 3, 4)
count = np.arange(24).reshape(shape)


def b64(save, *args, **kwargs) -> str:
    file = io.BytesIO()
    save(file, *args, **kwargs)
    return base64.b64encode(file.getvalue()).decode()


arrays = {
    "float32": (count / 4).astype(np.float32),
    "float64": count / 4,
    "float16": (count / 4).astype(np.float16),
    "uint8": count.astype(np.uint8),
    "int8": (count - 9).astype(np.int8),
    "big-endian int32": count.astype(">i4"),
    "int64": count.astype(np.int64),
    "uint16": count.astype(np.uint16),
    "bool": count % 2 == 0,
    "fortran float32": np.asfortranarray(count.astype(np.float32)),
}
out = {
    "numpy": np.__version__,
    "arrays": [
        {"name": name, "npy": b64(np.save, a), "expected": a.astype(float).ravel().tolist()} for name, a in arrays.items()
    ],
    "npz": b64(np.savez_compressed, x=count.astype(np.float32), y=np.array([1, 0])),
    "parts": b64(
        np.savez,
        x_train=count.astype(np.uint8),
        y_train=np.array([0, 2]),
        x_test=count[:1].astype(np.uint8),
        y_test=np.array([1]),
    ),
    "lacking": b64(np.savez, x=count),
    "pickle": b64(np.save, np.array([{"a": 1}], dtype=object), allow_pickle=True),
}
path = pathlib.Path(__file__).parent.parent / "src" / "readers" / "numpy.golden.json"
path.write_text(json.dumps(out) + "\n")
