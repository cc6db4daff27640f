/** Cortex-A72: NEON without 8-bit dot products. */
import type { Target } from '../target.js';
import { activationType, noDynamicConvolution } from '../rules/integers.js';
import { noFloat16 } from '../rules/float16.js';

export const raspberryPi4: Target = {
  name: 'raspberry-pi-4',
  title: 'Raspberry Pi 4 (Cortex-A72)',
  device: { arch: 'arm64', int8Activation: 'int8', vnni: false },
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
