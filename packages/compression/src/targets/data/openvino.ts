/** Intel CPUs, GPUs and NPUs through OpenVINO. */
import type { Target } from '../target.js';
import { noDynamicConvolution } from '../rules/integers.js';

export const openvino: Target = {
  name: 'openvino',
  title: 'Intel (OpenVINO)',
  device: { arch: 'x64', int8Activation: 'uint8', vnni: true },
  executor: 'OpenVINO',
  block: 8,
  float16: 'faster',
  latency: 'to be measured on the device',
  rules: [
    noDynamicConvolution('OpenVINO documentation, Quantizing Models: integers come from quantisation before inference'),
  ],
};
