"""Ways of fitting an image into a size, by Pillow, for src/preprocess/fit.test.ts.

Usage: python packages/data/goldens/pillow_fit.py
'letterbox' is PIL.ImageOps.pad; 'crop' is a resize of the shorter side and a central crop with torchvision's arithmetic
(torchvision.transforms.functional: int(size * long / short), int(round((h - th) / 2.0))), which is Python's own.
"""

import base64
import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageOps

rng = np.random.default_rng(11)
filters = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
}


def b64(array) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=np.uint8).tobytes()).decode()


def picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 100 * np.sin(x / (3 + c) + y / (5 - c)) + rng.integers(-20, 20, (height, width)) for c in range(3)]
    return np.clip(np.stack(waves, axis=2), 0, 255).astype(np.uint8)


images = [picture(23, 41), picture(37, 18), picture(20, 20)]
letterbox = []
for index, rgb in enumerate(images):
    for size in [(16, 16), (13, 29), (31, 12), (46, 60)]:
        for name in ("bilinear", "bicubic") if size == (16, 16) else ("bilinear",):
            out = ImageOps.pad(Image.fromarray(rgb), (size[1], size[0]), method=filters[name], color=(114, 114, 114))
            letterbox.append({"image": index, "size": size, "filter": name, "fill": 114, "expected": b64(np.asarray(out))})
crops = []
for index, rgb in enumerate(images):
    for side, crop in [(24, 20), (25, 20), (19, 16), (22, 17)]:
        image = Image.fromarray(rgb)
        w, h = image.size
        short, long = min(w, h), max(w, h)
        scaled = int(side * long / short)
        new = (side, scaled) if w <= h else (scaled, side)
        image = image.resize(new, Image.Resampling.BILINEAR)
        top, left = int(round((image.height - crop) / 2.0)), int(round((image.width - crop) / 2.0))
        out = image.crop((left, top, left + crop, top + crop))
        crops.append({"image": index, "side": side, "crop": crop, "expected": b64(np.asarray(out))})
out = {
    "pillow": PIL.__version__,
    "images": [{"height": i.shape[0], "width": i.shape[1], "rgb": b64(i)} for i in images],
    "letterbox": letterbox,
    "crop": crops,
}
path = pathlib.Path(__file__).parent.parent / "src" / "preprocess" / "fit.golden.json"
path.write_text(json.dumps(out) + "\n")
