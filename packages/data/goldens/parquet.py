"""Parquet files of many encodings, for src/readers/parquet.test.ts.

Usage: python packages/data/goldens/parquet.py
"""

import base64
import io
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

rng = np.random.default_rng(2)


def write(table: pa.Table, **options) -> str:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return base64.b64encode(buffer.getvalue()).decode()


n = 60
numbers = pa.table(
    {
        "a": pa.array(np.arange(n) / 7, pa.float64()),
        "b": pa.array(rng.integers(-5, 5, n), pa.int32()),
        "c": pa.array(rng.integers(0, 2**40, n), pa.int64()),
        "d": pa.array(rng.random(n) > 0.5, pa.bool_()),
        "e": pa.array(rng.standard_normal(n).astype(np.float16), pa.float16()),
        "species": pa.array([["setosa", "virginica", "vérsicolor"][i % 3] for i in range(n)]),
    }
)
expected = np.stack([numbers[c].to_numpy(zero_copy_only=False).astype(np.float32) for c in "abcde"], axis=1)
out = {
    "pyarrow": pa.__version__,
    "numbers": [
        {"name": f"{codec} {'dictionary' if dictionary else 'plain'} v{version}",
         "file": write(numbers, compression=codec, use_dictionary=dictionary, data_page_version=version, row_group_size=25)}
        for codec, dictionary, version in [
            ("none", False, "1.0"), ("snappy", True, "1.0"), ("gzip", True, "2.0"), ("zstd", False, "2.0"), ("lz4", True, "1.0"),
            ("brotli", False, "1.0"),
        ]
    ],
    "expected": base64.b64encode(np.ascontiguousarray(expected).tobytes()).decode(),
    "species": numbers["species"].to_pylist(),
}


def png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((2, 3, 3), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


features = {"info": {"features": {"label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}}}
images = pa.table(
    {
        "image": pa.array([{"bytes": png(10 * i), "path": f"{i}.png"} for i in range(4)]),
        "label": pa.array([0, 2, 1, 0], pa.int64()),
        "caption": pa.array(["a", "b", "c", "d"]),
    }
).replace_schema_metadata({"huggingface": json.dumps(features)})
out["images"] = write(images, row_group_size=3)
out["lists"] = write(
    pa.table({"x": pa.array([[1.5, 2.5], [3.5, 4.5], None, [5.5], [6.5, None]], pa.list_(pa.float32())), "y": pa.array([1, 0, 1, 1, 0], pa.int8())})
)
out["gaps"] = write(
    pa.table({"u": pa.array([1.0, None, 3.0, float("nan"), 5.0]), "v": pa.array([1, 2, 3, 4, 5]), "label": pa.array(["x", "x", None, "y", "y"])})
)
path = pathlib.Path(__file__).parent.parent / "src" / "readers" / "parquet.golden.json"
path.write_text(json.dumps(out) + "\n")
