/** Qualcomm Hexagon. */
import type { Target } from '../target.js';
import { staticShapes } from '../rules/shapes.js';
import { fullInteger } from '../rules/integers.js';

export const qnnHtp: Target = {
  name: 'qnn-htp',
  title: 'Qualcomm Hexagon (QNN HTP)',
  device: { arch: 'arm64', int8Activation: 'uint8', vnni: true },
  executor: 'ONNX Runtime, QNN',
  block: 8,
  float16: 'faster',
  latency: 'to be measured on the device',
  rules: [
    staticShapes('falls back', 'ONNX Runtime, pull request 22066: QNN refuses nodes with open sizes'),
    fullInteger('falls back', 'onnxruntime.ai, QNN Execution Provider: the HTP backend runs quantised models'),
  ],
};
