"""Resized, gray and encoded images by Pillow, for src/preprocess/pillow.test.ts.

Usage: python packages/data/goldens/pillow.py
Writes pillow.golden.json; arrays are base64 of their bytes, rows first. The float images are the red channel, v / 255 - 0.3 in
single precision, at 7x9.
"""

import base64
import io
import json
import pathlib

import numpy as np
import PIL
from PIL import Image

rng = np.random.default_rng(7)
filters = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
}


def b64(array, dtype=np.uint8) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()


def encoded(image: Image.Image, kind: str) -> str:
    file = io.BytesIO()
    image.save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


height, width = 23, 31
y, x = np.mgrid[0:height, 0:width]
waves = [140 + 110 * np.sin(x / (2 + c) + y / (4 - c)) + rng.integers(-15, 16, (height, width)) for c in range(3)]
rgb = np.clip(np.stack(waves, axis=2), 0, 255).astype(np.uint8)
image = Image.fromarray(rgb)

resized = []
for name, method in filters.items():
    for size in [(8, 8), (11, 40), (46, 17)]:
        out = image.resize((size[1], size[0]), method)
        resized.append({"filter": name, "size": size, "expected": b64(np.asarray(out))})

red = rgb[:, :, 0].astype(np.float32) / np.float32(255) - np.float32(0.3)
floats = {name: b64(np.asarray(Image.fromarray(red).resize((9, 7), m)), np.float32) for name, m in filters.items()}

small = Image.fromarray(rgb[:5, :7])
# Alpha of many values: colours are read as they are stored, not multiplied by it.
clear = small.copy()
clear.putalpha(Image.fromarray((np.arange(35).reshape(5, 7) * 7 + 10).astype(np.uint8)))
indexed = small.quantize(8)
out = {
    "pillow": PIL.__version__,
    "height": height,
    "width": width,
    "rgb": b64(rgb),
    "gray": b64(np.asarray(image.convert("L"))),
    "resize": resized,
    "float": floats,
    "files": {
        "height": small.height,
        "width": small.width,
        "rgb": b64(np.asarray(small)),
        "png": encoded(small, "png"),
        "pngAlpha": encoded(clear, "png"),
        "bmp": encoded(small, "bmp"),
        "bmpPalette": encoded(indexed, "bmp"),
        "palette": b64(np.asarray(indexed.convert("RGB"))),
        "pngGray": encoded(small.convert("L"), "png"),
        "gray": b64(np.asarray(small.convert("L"))),
    },
}
path = pathlib.Path(__file__).parent.parent / "src" / "preprocess" / "pillow.golden.json"
path.write_text(json.dumps(out) + "\n")
