"""Recordings, their features and their resampled forms, for the tests in src/preprocess/audio.

Usage: python packages/data/goldens/audio.py
Features by librosa, filters by SciPy, WAV files by libsndfile; all in float64.
"""

import base64
import io
import json
import pathlib

import librosa
import numpy as np
import scipy
import scipy.signal
import soundfile

rng = np.random.default_rng(5)


def b64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


rate = 8000
t = np.arange(2000) / rate
signal = 0.5 * np.sin(2 * np.pi * (200 + 1500 * t) * t) + 0.2 * np.sin(2 * np.pi * 3100 * t) + 0.01 * rng.standard_normal(t.size)
signal[:300] *= 1e-5
signal[1800:] *= 1e-5
signal = signal.astype(np.float32)
y = signal.astype(np.float64)


def mel(case: dict) -> np.ndarray:
    spectrum = librosa.feature.melspectrogram(
        y=y,
        sr=rate,
        n_fft=case["fft"],
        hop_length=case["hop"],
        win_length=case.get("window"),
        window="hann",
        center=case.get("center", True),
        pad_mode="constant",
        power=case.get("power", 2),
        n_mels=case.get("mels", 40),
        fmin=case.get("fmin", 0.0),
        fmax=case.get("fmax"),
        htk=case.get("scale", "slaney") == "htk",
        norm=None if case.get("norm") == "none" else "slaney",
        dtype=np.float64,
    )
    floor = case.get("floor", 1e-10)
    if case.get("log") == "natural":
        return np.log(spectrum + floor)
    return librosa.power_to_db(spectrum, ref=1.0, amin=floor, top_db=case.get("topDb"))


log_mel = [
    {"fft": 256, "hop": 128},
    {"fft": 512, "hop": 160, "window": 320, "mels": 24, "scale": "htk", "norm": "none", "topDb": 60},
    {"fft": 256, "hop": 80, "window": 200, "mels": 20, "fmin": 60, "fmax": 3800, "center": False, "log": "natural", "floor": 1e-6},
    {"fft": 128, "hop": 100, "mels": 16, "power": 1, "scale": "htk", "floor": 1e-5},
    {"fft": 1024, "hop": 300, "window": 401, "mels": 32},
]
mfcc = [
    {"fft": 256, "hop": 128, "coefficients": 13, "topDb": 80},
    {"fft": 512, "hop": 200, "mels": 26, "coefficients": 26, "scale": "htk", "log": "natural", "floor": 1e-9},
]
out = {
    "librosa": librosa.__version__,
    "scipy": scipy.__version__,
    "libsndfile": soundfile.__libsndfile_version__,
    "rate": rate,
    "signal": b64(signal),
    "logMel": [{"step": case, "expected": b64(mel(case).T)} for case in log_mel],
    "mfcc": [
        {"step": case, "expected": b64(librosa.feature.mfcc(S=mel(case), n_mfcc=case["coefficients"], dct_type=2, norm="ortho").T)}
        for case in mfcc
    ],
    "preEmphasis": b64(scipy.signal.lfilter([1, -0.97], [1], y)),
    "trim": [
        {"step": {"topDb": db, "frame": frame, "hop": hop},
         "range": [int(v) for v in librosa.effects.trim(y, top_db=db, frame_length=frame, hop_length=hop)[1]]}
        for db, frame, hop in [(60, 256, 64), (20, 512, 128), (200, 256, 64), (40, 101, 50)]
    ],
    "resample": [],
    "wav": [],
}

for source, target in [(8000, 16000), (16000, 8000), (44100, 16000), (8000, 11025), (48000, 16000)]:
    divisor = np.gcd(source, target)
    up, down = target // divisor, source // divisor
    most = max(up, down)
    taps = scipy.signal.firwin(2 * 64 * most + 1, 0.95 / most, window=("kaiser", 10.0))
    x = y[:600]
    out["resample"].append(
        {"from": source, "to": target, "expected": b64(scipy.signal.resample_poly(x, up, down, window=taps))}
    )

stereo = np.stack([y[500:540], -0.3 * y[700:740] + 0.1], axis=1)
for subtype, form in [("PCM_U8", "WAV"), ("PCM_16", "WAV"), ("PCM_24", "WAV"), ("PCM_32", "WAV"), ("FLOAT", "WAV"), ("DOUBLE", "WAV"),
                      ("PCM_16", "WAVEX"), ("PCM_24", "WAVEX"), ("FLOAT", "WAVEX")]:
    for channels in (1, 2):
        buffer = io.BytesIO()
        soundfile.write(buffer, stereo[:, :channels], 11025, subtype=subtype, format=form)
        data, own = soundfile.read(io.BytesIO(buffer.getvalue()), dtype="float64", always_2d=True)
        out["wav"].append(
            {"name": f"{form} {subtype} {channels}", "file": base64.b64encode(buffer.getvalue()).decode(), "rate": own,
             "channels": channels, "expected": b64(data.mean(axis=1))}
        )
path = pathlib.Path(__file__).parent.parent / "src" / "preprocess" / "audio" / "audio.golden.json"
path.write_text(json.dumps(out) + "\n")
