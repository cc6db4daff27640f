/** NVIDIA Jetson. */
import type { Target } from '../target.js';
import { symmetric } from '../rules/integers.js';
import { standardOperators } from '../rules/operators.js';

/** onnx-tensorrt, docs/operators.md: operators on integers that it does not parse; int8 comes in QDQ form. */
const NOT_PARSED = ['ConvInteger', 'DynamicQuantizeLinear', 'MatMulInteger', 'QLinearConv', 'QLinearMatMul'];

export const jetsonTensorRt: Target = {
  name: 'jetson-tensorrt',
  title: 'NVIDIA Jetson (TensorRT)',
  device: { arch: 'arm64', int8Activation: 'int8', vnni: true },
  executor: 'TensorRT',
  block: 8,
  float16: 'faster',
  latency: 'to be measured on the device',
  rules: [
    symmetric(
      'refused',
      'NVIDIA TensorRT documentation, Working with Quantized Types: symmetric, signed int8, no zero point',
    ),
    standardOperators(
      NOT_PARSED,
      'refused',
      'onnx-tensorrt, docs/operators.md: operators of com.microsoft are not parsed, nor are those on integers',
    ),
  ],
};
