/** One row for each operator whose types and shapes are inferred; a missing row does not compile. */
import type { Row } from './facts.js';
import { tensorType } from './facts.js';
import * as e from './elementwise.js';
import * as l from './layout.js';
import * as m from './linear.js';
import * as s from './selection.js';
import * as w from './windows.js';

/** Operators of one tensor in, the same type and shape out. */
const UNARY = [
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Clip Cos Cosh CumProd CumSum Elu Erf Exp Floor Gelu',
  'GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization LRN LeakyRelu Log LogSoftmax',
  'LpNormalization MeanVarianceNormalization Mish Neg Not PRelu RMSNormalization Reciprocal Relu ReverseSequence Round',
  'Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh',
  'TensorScatter ThresholdedRelu Trilu',
] as const;
const BINARY = ['Add BitShift BitwiseAnd BitwiseOr BitwiseXor Div Max Mean Min Mod Mul Pow Sub Sum'] as const;
const COMPARE = ['And Equal Greater GreaterOrEqual Less LessOrEqual Or Xor'] as const;
const REDUCE = [
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
] as const;

type Words<T extends string> = T extends `${infer A} ${infer B}` ? A | Words<B> : T;
type Family =
  | Words<(typeof UNARY)[number]>
  | Words<(typeof BINARY)[number]>
  | Words<(typeof COMPARE)[number]>
  | Words<(typeof REDUCE)[number]>;

function family<T extends string>(lists: readonly T[], row: Row): Record<Words<T>, Row> {
  const names = lists.flatMap((list) => list.split(' '));
  return Object.fromEntries(names.map((name) => [name, row])) as Record<Words<T>, Row>;
}

/** Operators with a row of their own. */
export type OwnRow =
  | 'ArgMax'
  | 'ArgMin'
  | 'AveragePool'
  | 'BatchNormalization'
  | 'Bernoulli'
  | 'Cast'
  | 'CastLike'
  | 'Compress'
  | 'Concat'
  | 'Constant'
  | 'ConstantOfShape'
  | 'Conv'
  | 'ConvInteger'
  | 'ConvTranspose'
  | 'DepthToSpace'
  | 'DequantizeLinear'
  | 'Det'
  | 'Dropout'
  | 'DynamicQuantizeLinear'
  | 'Einsum'
  | 'Expand'
  | 'EyeLike'
  | 'Flatten'
  | 'GRU'
  | 'Gather'
  | 'GatherElements'
  | 'GatherND'
  | 'Gemm'
  | 'GlobalAveragePool'
  | 'GlobalLpPool'
  | 'GlobalMaxPool'
  | 'If'
  | 'IsInf'
  | 'IsNaN'
  | 'LSTM'
  | 'LayerNormalization'
  | 'LpPool'
  | 'MatMul'
  | 'MatMulInteger'
  | 'MaxPool'
  | 'MaxUnpool'
  | 'NegativeLogLikelihoodLoss'
  | 'NonZero'
  | 'OneHot'
  | 'Pad'
  | 'QLinearConv'
  | 'QLinearMatMul'
  | 'QuantizeLinear'
  | 'RNN'
  | 'RandomNormal'
  | 'RandomNormalLike'
  | 'RandomUniform'
  | 'RandomUniformLike'
  | 'Range'
  | 'Reshape'
  | 'Resize'
  | 'Shape'
  | 'Size'
  | 'Slice'
  | 'SoftmaxCrossEntropyLoss'
  | 'SpaceToDepth'
  | 'Split'
  | 'Squeeze'
  | 'Tile'
  | 'TopK'
  | 'Transpose'
  | 'Unique'
  | 'Unsqueeze'
  | 'Upsample'
  | 'Where';

export type InferredOperator = Family | OwnRow;

const determinant: Row = (f) => [tensorType(f.dtype(0), f.shape(0)?.slice(0, -2) ?? null)];

export const ROWS: Readonly<Record<InferredOperator, Row>> = {
  ...family(UNARY, e.sameAsFirst),
  ...family(BINARY, e.broadcast),
  ...family(COMPARE, e.compare),
  ...family(REDUCE, m.reduce),
  ArgMax: m.argReduce,
  ArgMin: m.argReduce,
  AveragePool: w.pool,
  BatchNormalization: m.batchNorm,
  Bernoulli: e.likeFirst,
  Cast: e.cast,
  CastLike: e.castLike,
  Compress: s.compress,
  Concat: l.concat,
  Constant: l.constant,
  ConstantOfShape: l.constantOfShape,
  Conv: w.conv,
  ConvInteger: w.convInteger,
  ConvTranspose: w.convTranspose,
  DepthToSpace: w.depthToSpace,
  DequantizeLinear: e.dequantize,
  Det: determinant,
  Dropout: e.dropout,
  DynamicQuantizeLinear: e.dynamicQuantize,
  Einsum: m.einsum,
  Expand: l.expand,
  EyeLike: e.likeFirst,
  Flatten: l.flatten,
  GRU: m.recurrent,
  Gather: s.gather,
  GatherElements: s.gatherElements,
  GatherND: s.gatherND,
  Gemm: m.gemm,
  GlobalAveragePool: w.globalPool,
  GlobalLpPool: w.globalPool,
  GlobalMaxPool: w.globalPool,
  If: l.ifRow,
  IsInf: e.test,
  IsNaN: e.test,
  LSTM: m.recurrent,
  LayerNormalization: m.layerNorm,
  LpPool: w.pool,
  MatMul: m.matMul,
  MatMulInteger: m.matMulInteger,
  MaxPool: w.pool,
  MaxUnpool: w.maxUnpool,
  NegativeLogLikelihoodLoss: m.loss,
  NonZero: s.nonZero,
  OneHot: l.oneHot,
  Pad: l.pad,
  QLinearConv: w.qlinearConv,
  QLinearMatMul: m.qlinearMatMul,
  QuantizeLinear: e.quantize,
  RNN: m.recurrent,
  RandomNormal: l.random,
  RandomNormalLike: e.likeFirst,
  RandomUniform: l.random,
  RandomUniformLike: e.likeFirst,
  Range: l.range,
  Reshape: l.reshape,
  Resize: w.resize,
  Shape: l.shape,
  Size: l.size,
  Slice: s.slice,
  SoftmaxCrossEntropyLoss: m.loss,
  SpaceToDepth: w.spaceToDepth,
  Split: l.split,
  Squeeze: l.squeeze,
  Tile: l.tile,
  TopK: s.topK,
  Transpose: l.transpose,
  Unique: s.unique,
  Unsqueeze: l.unsqueeze,
  Upsample: w.upsample,
  Where: e.where,
};

export function rowOf(op: string): Row | null {
  return Object.hasOwn(ROWS, op) ? ROWS[op as InferredOperator] : null;
}
