/** Accelerators that run whole 8-bit models, as the Edge TPU. */
import type { Target } from '../target.js';
import { constantWeights, operators } from '../rules/operators.js';
import { fullInteger } from '../rules/integers.js';
import { rankAtMost, staticShapes } from '../rules/shapes.js';

/** coral.ai, TensorFlow models on the Edge TPU, Supported operations, in ONNX's names. */
const KNOWN = [
  'Add',
  'AveragePool',
  'Clip',
  'Concat',
  'Conv',
  'ConvTranspose',
  'Flatten',
  'Gemm',
  'GlobalAveragePool',
  'LpNormalization',
  'LSTM',
  'MatMul',
  'Max',
  'MaxPool',
  'Min',
  'Mul',
  'PRelu',
  'Pad',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceSum',
  'Relu',
  'Reshape',
  'Resize',
  'Sigmoid',
  'Slice',
  'Softmax',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Sub',
  'Tanh',
  'Transpose',
  'Unsqueeze',
  'QuantizeLinear',
  'DequantizeLinear',
];

export const edgeTpu: Target = {
  name: 'edge-tpu',
  title: 'Edge TPU class (full int8)',
  device: { arch: 'arm64', int8Activation: 'int8', vnni: true },
  executor: 'TensorFlow Lite, Edge TPU',
  block: 8,
  float16: 'slower',
  latency: 'to be measured on the device',
  rules: [
    staticShapes('refused', 'coral.ai, TensorFlow models on the Edge TPU: tensor sizes are constant at compile time'),
    fullInteger('falls back', 'coral.ai, TensorFlow models on the Edge TPU: tensors are quantised to 8 bits'),
    constantWeights(
      'falls back',
      'coral.ai, TensorFlow models on the Edge TPU: parameters are constant at compile time',
    ),
    rankAtMost(3, 'coral.ai, TensorFlow models on the Edge TPU: only the three innermost sizes may exceed 1'),
    operators(KNOWN, 'falls back', 'coral.ai, TensorFlow models on the Edge TPU, Supported operations'),
  ],
};
