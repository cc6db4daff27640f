/** AMD FPGAs with a DPU. */
import type { Target } from '../target.js';
import { operators } from '../rules/operators.js';
import { fullInteger, perTensor, powerOfTwoScales, symmetric } from '../rules/integers.js';
import { staticShapes } from '../rules/shapes.js';

/** Vitis AI User Guide (UG1414), Operators Supported by the DPU, in ONNX's names. */
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
  'HardSigmoid',
  'HardSwish',
  'LeakyRelu',
  'MatMul',
  'MaxPool',
  'Mul',
  'Pad',
  'ReduceMean',
  'Relu',
  'Reshape',
  'Resize',
  'QuantizeLinear',
  'DequantizeLinear',
];

export const vitisAiDpu: Target = {
  name: 'vitis-ai-dpu',
  title: 'AMD FPGA (Vitis AI, DPU)',
  device: { arch: 'arm64', int8Activation: 'int8', vnni: true },
  executor: 'Vitis AI',
  block: 8,
  float16: 'slower',
  latency: 'to be measured on the device',
  rules: [
    staticShapes('refused', 'Vitis AI User Guide (UG1414), compiler: sizes are fixed'),
    symmetric('refused', 'Vitis AI User Guide (UG1414), vitis_quantize: pof2s, symmetric int8'),
    perTensor('refused', 'Vitis AI User Guide (UG1414), vitis_quantize: one scale a tensor'),
    powerOfTwoScales(
      'refused',
      'Vitis AI User Guide (UG1414), vitis_quantize: pof2s, scales are powers of two; the DPU has no floats',
    ),
    operators(KNOWN, 'falls back', 'Vitis AI User Guide (UG1414), Operators Supported by the DPU'),
    fullInteger('falls back', 'Vitis AI User Guide (UG1414): the DPU has no floats'),
  ],
};
