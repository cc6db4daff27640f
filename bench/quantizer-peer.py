"""
Quantises a network with ONNX Runtime's own tool: QDQ, a scale for each output channel, uint8 activations, int8 weights.

usage: quantizer-peer.py MODEL SAMPLES.npy METHOD OUT.onnx      METHOD is MinMax, Entropy or Percentile

Prints {"cpu": seconds of the calibration and quantisation, "memory": MiB that the process grew by} after one inference of the
unquantised model, so that neither holds what loading the runtime takes.
"""
import json
import logging
import os
import resource
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

# Samples that a calibrator holds all activations of.
CHUNK = 4


class Reader(CalibrationDataReader):
    def __init__(self, name, samples, rows):
        self.name, self.samples, self.rows = name, samples, rows
        self.set_range(0, len(self))

    def __len__(self):
        return len(self.samples) // self.rows

    def set_range(self, start_index, end_index):
        self.at, self.end = start_index, end_index

    def get_next(self):
        if self.at >= self.end:
            return None
        rows = self.samples[self.at * self.rows : (self.at + 1) * self.rows]
        self.at += 1
        return {self.name: rows}


def main():
    path, samples, method, out = sys.argv[1:]
    logging.disable(logging.WARNING)
    samples = np.load(samples)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    rows = given.shape[0] if isinstance(given.shape[0], int) else 1
    session.run(None, {given.name: samples[:rows]})
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        prepared = os.path.join(folder, "prepared.onnx")
        try:
            quant_pre_process(path, prepared)
        except Exception:  # symbolic shape inference does not know every operator
            quant_pre_process(path, prepared, skip_symbolic_shape=True)
        reader = Reader(given.name, samples, rows)
        chunk = next(c for c in range(min(CHUNK, len(reader)), 0, -1) if len(reader) % c == 0)
        quantize_static(
            prepared, out, reader, quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod[method], extra_options={"CalibStridedMinMax": chunk},
        )
    used = {
        "cpu": time.process_time() - cpu,
        "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024,
    }
    print(json.dumps(used))


main()
