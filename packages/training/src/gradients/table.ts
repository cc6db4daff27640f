/** The table of gradients: one row an operator of the default ONNX domain, total over `DifferentiableOp`. */
import { dropout } from './dropout.js';
import * as elementwise from './elementwise.js';
import { conv } from './convolution.js';
import { gemm, matMul } from './linear.js';
import { batchNormalization } from './normalization.js';
import { averagePool, globalAveragePool, maxPool } from './pooling.js';
import { logSoftmax, reduceMax, reduceMean, reduceSum, softmax } from './reduction.js';
import type { Row } from './row.js';
import { concat, expand, gather, pad, sameElements, slice, split, transpose } from './shape-ops.js';

export const differentiableOps = [
  'Abs',
  'Add',
  'AveragePool',
  'BatchNormalization',
  'Cast',
  'Clip',
  'Concat',
  'Conv',
  'Div',
  'Dropout',
  'Erf',
  'Exp',
  'Expand',
  'Flatten',
  'Gather',
  'Gemm',
  'GlobalAveragePool',
  'HardSigmoid',
  'HardSwish',
  'Identity',
  'LeakyRelu',
  'Log',
  'LogSoftmax',
  'MatMul',
  'Max',
  'MaxPool',
  'Min',
  'Mul',
  'Neg',
  'Pad',
  'Pow',
  'Reciprocal',
  'ReduceMax',
  'ReduceMean',
  'ReduceSum',
  'Relu',
  'Reshape',
  'Sigmoid',
  'Slice',
  'Softmax',
  'Softplus',
  'Split',
  'Sqrt',
  'Squeeze',
  'Sub',
  'Tanh',
  'Transpose',
  'Unsqueeze',
  'Where',
] as const;

export type DifferentiableOp = (typeof differentiableOps)[number];

const table: Record<DifferentiableOp, Row> = {
  Abs: elementwise.abs,
  Add: elementwise.add,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Cast: elementwise.identity,
  Clip: elementwise.clip,
  Concat: concat,
  Conv: conv,
  Div: elementwise.div,
  Dropout: dropout,
  Erf: elementwise.erf,
  Exp: elementwise.exp,
  Expand: expand,
  Flatten: sameElements,
  Gather: gather,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  HardSigmoid: elementwise.hardSigmoid,
  HardSwish: elementwise.hardSwish,
  Identity: elementwise.identity,
  LeakyRelu: elementwise.leakyRelu,
  Log: elementwise.log,
  LogSoftmax: logSoftmax,
  MatMul: matMul,
  Max: elementwise.max,
  MaxPool: maxPool,
  Min: elementwise.min,
  Mul: elementwise.mul,
  Neg: elementwise.neg,
  Pad: pad,
  Pow: elementwise.pow,
  Reciprocal: elementwise.reciprocal,
  ReduceMax: reduceMax,
  ReduceMean: reduceMean,
  ReduceSum: reduceSum,
  Relu: elementwise.relu,
  Reshape: sameElements,
  Sigmoid: elementwise.sigmoid,
  Slice: slice,
  Softmax: softmax,
  Softplus: elementwise.softplus,
  Split: split,
  Sqrt: elementwise.sqrt,
  Squeeze: sameElements,
  Sub: elementwise.sub,
  Tanh: elementwise.tanh,
  Transpose: transpose,
  Unsqueeze: sameElements,
  Where: elementwise.where,
};

/** The row of an operator, or undefined when it has none. */
export function gradientRow(domain: string, op: string): Row | undefined {
  if (domain !== '' && domain !== 'ai.onnx') return undefined;
  return (table as Readonly<Record<string, Row | undefined>>)[op];
}
