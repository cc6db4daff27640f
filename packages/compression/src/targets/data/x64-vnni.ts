/** x64 with 8-bit dot products: Intel since Ice Lake, AMD since Zen 4. */
import type { Target } from '../target.js';
import { activationType, noDynamicConvolution } from '../rules/integers.js';
import { noFloat16 } from '../rules/float16.js';
import { wholeBlocks } from '../rules/shapes.js';

export const x64Vnni: Target = {
  name: 'x64-vnni',
  title: 'x64 with VNNI',
  device: { arch: 'x64', int8Activation: 'uint8', vnni: true },
  executor: 'ONNX Runtime, CPU',
  block: 16,
  float16: 'smaller, not faster',
  latency: 'measured on a machine of its kind',
  rules: [
    activationType(
      'uint8',
      'measured with ONNX Runtime 1.32: with int8 activations 6 of the 9 convolutions of ResNet-8 stay unfused',
    ),
    noDynamicConvolution('measured with ONNX Runtime 1.32: ConvInteger stays unfused'),
    noFloat16('measured with ONNX Runtime 1.32: half the bytes, no less time'),
    wholeBlocks(
      16,
      'measured with ONNX Runtime 1.32 on AVX-512: 63 channels take 1.4 times as long as 64, 33 take 1.8 times as long as 32',
    ),
  ],
};
