/** The table of gradients: one row an operator of the default ONNX domain, total over `DifferentiableOp`; microsoft.ts and integer-products.ts continue it. */
import { isDefaultDomain } from '@verge/onnx';
import * as activations from './activations.js';
import { attention } from './attention.js';
import { conv } from './convolution.js';
import { convTranspose } from './convolution-transpose.js';
import { dropout } from './dropout.js';
import { einsum } from './einsum.js';
import * as elementwise from './elementwise.js';
import { gridSample } from './grid-sample.js';
import * as indexing from './indexing.js';
import { integerRows } from './integer-products.js';
import { gemm, matMul } from './linear.js';
import { globalLpPool, lpPool } from './lp-pool.js';
import { fusedEntry } from './microsoft.js';
import { batchNormalization } from './normalization.js';
import { pad } from './padding.js';
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pooling.js';
import { dequantizeLinear, quantizeLinear } from './quantization.js';
import { recurrent } from './recurrent-rows.js';
import * as reduction from './reduction.js';
import { resize } from './resize.js';
import { lpNormalization, lrn } from './response-normalization.js';
import { rotaryEmbedding } from './rotary-embedding.js';
import type { Entry } from './row.js';
import * as shape from './shape-ops.js';
import { logSoftmax, softmax } from './softmax.js';
import * as standardization from './standardization.js';
import * as trigonometry from './trigonometry.js';

const FAMILIES = [
  'Abs Add Clip Div Erf Exp Identity Log Max Mean Min Mod Mul Neg Pow Reciprocal Sqrt Sub Sum Where',
  'Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan',
  'Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Relu Selu Shrink Sigmoid Softplus Softsign Swish Tanh',
  'ThresholdedRelu LogSoftmax Softmax Attention Dropout RotaryEmbedding',
  'Conv ConvTranspose Einsum Gemm MatMul GRU LSTM RNN',
  'AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool',
  'BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization',
  'MeanVarianceNormalization RMSNormalization',
  'CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum',
  'ReduceSumSquare',
  'Concat DepthToSpace Expand Flatten Pad Reshape Resize Slice SpaceToDepth Split Squeeze Tile Transpose Trilu',
  'Unsqueeze',
  'Gather GatherElements GatherND GridSample MaxUnpool OneHot ReverseSequence ScatterElements ScatterND TopK',
  'Cast CastLike DequantizeLinear QuantizeLinear',
  'And ArgMax ArgMin Ceil ConstantOfShape Equal EyeLike Floor Greater GreaterOrEqual Hardmax IsInf IsNaN Less',
  'LessOrEqual Not Or Round Shape Sign Size Xor',
] as const;

type Words<T extends string> = T extends `${infer A} ${infer B}` ? A | Words<B> : T;
export type DifferentiableOp = Words<(typeof FAMILIES)[number]>;

export const differentiableOps = FAMILIES.flatMap((family) => family.split(' ')) as readonly DifferentiableOp[];

const table: Record<DifferentiableOp, Entry> = {
  Abs: elementwise.abs,
  Acos: trigonometry.acos,
  Acosh: trigonometry.acosh,
  Add: elementwise.add,
  And: elementwise.flat,
  ArgMax: elementwise.flat,
  ArgMin: elementwise.flat,
  Asin: trigonometry.asin,
  Asinh: trigonometry.asinh,
  Atan: trigonometry.atan,
  Atanh: trigonometry.atanh,
  Attention: attention,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Cast: elementwise.cast,
  CastLike: elementwise.cast,
  Ceil: elementwise.flat,
  Celu: activations.celu,
  Clip: elementwise.clip,
  Concat: shape.concat,
  ConstantOfShape: elementwise.flat,
  Conv: conv,
  ConvTranspose: convTranspose,
  Cos: trigonometry.cos,
  Cosh: trigonometry.cosh,
  CumSum: reduction.cumSum,
  DepthToSpace: shape.depthToSpace,
  DequantizeLinear: dequantizeLinear,
  Div: elementwise.div,
  Dropout: dropout,
  Einsum: einsum,
  Elu: activations.elu,
  Equal: elementwise.flat,
  Erf: elementwise.erf,
  Exp: elementwise.exp,
  Expand: shape.expand,
  EyeLike: elementwise.flat,
  Flatten: shape.sameElements,
  Floor: elementwise.flat,
  GRU: recurrent,
  Gather: indexing.gather,
  GatherElements: indexing.gatherElements,
  GatherND: indexing.gatherND,
  Gelu: activations.gelu,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalLpPool: globalLpPool,
  GlobalMaxPool: globalMaxPool,
  Greater: elementwise.flat,
  GridSample: gridSample,
  GreaterOrEqual: elementwise.flat,
  GroupNormalization: standardization.groupNormalization,
  HardSigmoid: activations.hardSigmoid,
  HardSwish: activations.hardSwish,
  Hardmax: elementwise.flat,
  Identity: elementwise.identity,
  InstanceNormalization: standardization.instanceNormalization,
  IsInf: elementwise.flat,
  IsNaN: elementwise.flat,
  LRN: lrn,
  LSTM: recurrent,
  LayerNormalization: standardization.layerNormalization,
  LeakyRelu: activations.leakyRelu,
  Less: elementwise.flat,
  LessOrEqual: elementwise.flat,
  Log: elementwise.log,
  LogSoftmax: logSoftmax,
  LpNormalization: lpNormalization,
  LpPool: lpPool,
  MatMul: matMul,
  Max: elementwise.max,
  MaxPool: maxPool,
  MaxUnpool: indexing.maxUnpool,
  Mean: elementwise.mean,
  MeanVarianceNormalization: standardization.meanVarianceNormalization,
  Min: elementwise.min,
  Mish: activations.mish,
  Mod: elementwise.mod,
  Mul: elementwise.mul,
  Neg: elementwise.neg,
  Not: elementwise.flat,
  OneHot: indexing.oneHot,
  Or: elementwise.flat,
  PRelu: activations.pRelu,
  Pad: pad,
  Pow: elementwise.pow,
  QuantizeLinear: quantizeLinear,
  RMSNormalization: standardization.rmsNormalization,
  RNN: recurrent,
  Reciprocal: elementwise.reciprocal,
  ReduceL1: reduction.reduceL1,
  ReduceL2: reduction.reduceL2,
  ReduceLogSum: reduction.reduceLogSum,
  ReduceLogSumExp: reduction.reduceLogSumExp,
  ReduceMax: reduction.reduceExtreme,
  ReduceMean: reduction.reduceMean,
  ReduceMin: reduction.reduceExtreme,
  ReduceProd: reduction.reduceProd,
  ReduceSum: reduction.reduceSum,
  ReduceSumSquare: reduction.reduceSumSquare,
  Relu: activations.relu,
  Reshape: shape.sameElements,
  Resize: resize,
  ReverseSequence: indexing.reverseSequence,
  Round: elementwise.flat,
  RotaryEmbedding: rotaryEmbedding,
  ScatterElements: indexing.scatterElements,
  ScatterND: indexing.scatterND,
  Selu: activations.selu,
  Shape: elementwise.flat,
  Shrink: activations.shrink,
  Sigmoid: activations.sigmoid,
  Sign: elementwise.flat,
  Sin: trigonometry.sin,
  Sinh: trigonometry.sinh,
  Size: elementwise.flat,
  Slice: shape.slice,
  Softmax: softmax,
  Softplus: activations.softplus,
  Softsign: activations.softsign,
  SpaceToDepth: shape.spaceToDepth,
  Split: shape.split,
  Sqrt: elementwise.sqrt,
  Squeeze: shape.sameElements,
  Sub: elementwise.sub,
  Sum: elementwise.sum,
  Swish: activations.swish,
  Tan: trigonometry.tan,
  Tanh: activations.tanh,
  ThresholdedRelu: activations.thresholdedRelu,
  Tile: shape.tile,
  TopK: indexing.topK,
  Transpose: shape.transpose,
  Trilu: shape.trilu,
  Unsqueeze: shape.sameElements,
  Where: elementwise.where,
  Xor: elementwise.flat,
};

/** The row of an operator, or undefined when it has none. */
export function gradientRow(domain: string, op: string): Entry | undefined {
  if (!isDefaultDomain(domain)) return fusedEntry(`${domain}.${op}`);
  if (Object.hasOwn(table, op)) return table[op as DifferentiableOp];
  return Object.hasOwn(integerRows, op) ? integerRows[op] : fusedEntry(op);
}
