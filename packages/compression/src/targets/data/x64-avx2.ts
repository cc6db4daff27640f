/** x64 without 8-bit dot products: AVX2, and AVX-512 before VNNI. */
import type { Target } from '../target.js';
import { activationType, noDynamicConvolution } from '../rules/integers.js';
import { noFloat16 } from '../rules/float16.js';
import { noSaturation } from '../rules/saturation.js';
import { wholeBlocks } from '../rules/shapes.js';

export const x64Avx2: Target = {
  name: 'x64-avx2',
  title: 'x64 with AVX2, no VNNI',
  device: { arch: 'x64', int8Activation: 'uint8', vnni: false },
  executor: 'ONNX Runtime, CPU',
  block: 8,
  float16: 'smaller, not faster',
  latency: 'measured on a machine of its kind',
  rules: [
    noSaturation,
    activationType(
      'uint8',
      'measured with ONNX Runtime 1.32: with int8 activations 6 of the 9 convolutions of ResNet-8 stay unfused',
    ),
    noDynamicConvolution('measured with ONNX Runtime 1.32: ConvInteger stays unfused'),
    noFloat16('measured with ONNX Runtime 1.32: half the bytes, no less time'),
    wholeBlocks(8, 'ONNX Runtime, MLAS: blocks of 8 channels (NCHWc) with AVX2'),
  ],
};
