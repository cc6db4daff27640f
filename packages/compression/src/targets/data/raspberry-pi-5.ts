/** Cortex-A76: NEON with 8-bit dot products. */
import type { Target } from '../target.js';
import { activationType, noDynamicConvolution } from '../rules/integers.js';
import { noFloat16 } from '../rules/float16.js';

export const raspberryPi5: Target = {
  name: 'raspberry-pi-5',
  title: 'Raspberry Pi 5 (Cortex-A76)',
  device: { arch: 'arm64', int8Activation: 'int8', vnni: true },
  executor: 'ONNX Runtime, CPU',
  block: 8,
  float16: 'slower',
  latency: 'to be measured on the device',
  rules: [
    activationType('int8', 'onnxruntime.ai, Quantize ONNX models: S8S8 is the choice for ARM'),
    noDynamicConvolution('measured with ONNX Runtime 1.32: ConvInteger stays unfused'),
    noFloat16('measured with ONNX Runtime on a Cortex-A76: four times as long'),
  ],
};
