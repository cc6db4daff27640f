/** One row for each operator of ONNX 1.22, and of ONNX Runtime's own, whose types and shapes are inferred; a missing row does not compile. */
import { isDefaultDomain } from '../builder.js';
import * as a from './attention.js';
import * as c from './control.js';
import * as e from './elementwise.js';
import type { Row } from './facts.js';
import { family, type Words } from './families.js';
import * as l from './layout.js';
import * as m from './linear.js';
import * as q from './sequences.js';
import * as s from './selection.js';
import * as g from './signal.js';
import { ROWS_MICROSOFT, type MicrosoftOperator } from './table-microsoft.js';
import { ROWS_ML, type MlOperator } from './table-ml.js';
import * as t from './text.js';
import * as v from './vision.js';
import * as w from './windows.js';

/** Operators of one tensor in, the same type and shape out. */
const UNARY = [
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Clip Cos Cosh CumProd CumSum Elu Erf Exp Floor',
  'Gelu GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN LeakyRelu Log',
  'LpNormalization MeanVarianceNormalization Mish Neg Not PRelu RMSNormalization Reciprocal Relu',
  'ReverseSequence RotaryEmbedding Round Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh',
  'Softplus Softsign Sqrt Swish Tan Tanh TensorScatter ThresholdedRelu Trilu',
] as const;
/** The same, along one axis. */
const ALONG = ['Hardmax LogSoftmax Softmax'] as const;
const BINARY = ['Add BitShift BitwiseAnd BitwiseOr BitwiseXor Div Max Mean Min Mod Mul Sub Sum'] as const;
const COMPARE = ['And Equal Greater GreaterOrEqual Less LessOrEqual Or Xor'] as const;
const REDUCE = [
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
] as const;

type Family =
  | Words<(typeof UNARY)[number]>
  | Words<(typeof ALONG)[number]>
  | Words<(typeof BINARY)[number]>
  | Words<(typeof COMPARE)[number]>
  | Words<(typeof REDUCE)[number]>;

/** Operators with a row of their own. */
type OwnRow =
  | 'AffineGrid'
  | 'ArgMax'
  | 'ArgMin'
  | 'Attention'
  | 'AveragePool'
  | 'BatchNormalization'
  | 'Bernoulli'
  | 'BitCast'
  | 'BlackmanWindow'
  | 'Cast'
  | 'CastLike'
  | 'CausalConvWithState'
  | 'CenterCropPad'
  | 'Col2Im'
  | 'Compress'
  | 'Concat'
  | 'ConcatFromSequence'
  | 'Constant'
  | 'ConstantOfShape'
  | 'Conv'
  | 'ConvInteger'
  | 'ConvTranspose'
  | 'DFT'
  | 'DeformConv'
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
  | 'GridSample'
  | 'HammingWindow'
  | 'HannWindow'
  | 'If'
  | 'ImageDecoder'
  | 'IsInf'
  | 'IsNaN'
  | 'LSTM'
  | 'LayerNormalization'
  | 'LinearAttention'
  | 'Loop'
  | 'LpPool'
  | 'MatMul'
  | 'MatMulInteger'
  | 'MaxPool'
  | 'MaxRoiPool'
  | 'MaxUnpool'
  | 'MelWeightMatrix'
  | 'Multinomial'
  | 'NegativeLogLikelihoodLoss'
  | 'NonMaxSuppression'
  | 'NonZero'
  | 'OneHot'
  | 'Optional'
  | 'OptionalGetElement'
  | 'OptionalHasElement'
  | 'Pad'
  | 'Pow'
  | 'QLinearConv'
  | 'QLinearMatMul'
  | 'QuantizeLinear'
  | 'RNN'
  | 'RandomNormal'
  | 'RandomNormalLike'
  | 'RandomUniform'
  | 'RandomUniformLike'
  | 'Range'
  | 'RegexFullMatch'
  | 'Reshape'
  | 'Resize'
  | 'RoiAlign'
  | 'STFT'
  | 'Scan'
  | 'SequenceAt'
  | 'SequenceConstruct'
  | 'SequenceEmpty'
  | 'SequenceErase'
  | 'SequenceInsert'
  | 'SequenceLength'
  | 'SequenceMap'
  | 'Shape'
  | 'Size'
  | 'Slice'
  | 'SoftmaxCrossEntropyLoss'
  | 'SpaceToDepth'
  | 'Split'
  | 'SplitToSequence'
  | 'Squeeze'
  | 'StringConcat'
  | 'StringNormalizer'
  | 'StringSplit'
  | 'TfIdfVectorizer'
  | 'Tile'
  | 'TopK'
  | 'Transpose'
  | 'Unique'
  | 'Unsqueeze'
  | 'Upsample'
  | 'Where';

/** Operators by name; those of other domains than ONNX's own with the domain in front. */
export type InferredOperator = Family | OwnRow | MlOperator | MicrosoftOperator;

export const ROWS: Readonly<Record<InferredOperator, Row>> = {
  ...ROWS_ML,
  ...ROWS_MICROSOFT,
  ...family(UNARY, e.sameAsFirst),
  ...family(ALONG, e.alongAxis),
  ...family(BINARY, e.broadcast),
  ...family(COMPARE, e.compare),
  ...family(REDUCE, m.reduce),
  AffineGrid: v.affineGrid,
  ArgMax: m.argReduce,
  ArgMin: m.argReduce,
  Attention: a.attention,
  AveragePool: w.pool,
  BatchNormalization: m.batchNorm,
  Bernoulli: e.likeFirst,
  BitCast: e.bitCast,
  BlackmanWindow: g.windowFunction,
  Cast: e.cast,
  CastLike: e.castLike,
  CausalConvWithState: a.causalConv,
  CenterCropPad: v.centerCropPad,
  Col2Im: v.col2Im,
  Compress: s.compress,
  Concat: l.concat,
  ConcatFromSequence: q.concatFromSequence,
  Constant: l.constant,
  ConstantOfShape: l.constantOfShape,
  Conv: w.conv,
  ConvInteger: w.convInteger,
  ConvTranspose: w.convTranspose,
  DFT: g.dft,
  DeformConv: w.conv,
  DepthToSpace: w.depthToSpace,
  DequantizeLinear: e.dequantize,
  Det: m.determinant,
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
  GridSample: v.gridSample,
  HammingWindow: g.windowFunction,
  HannWindow: g.windowFunction,
  If: c.ifRow,
  ImageDecoder: v.imageDecoder,
  IsInf: e.test,
  IsNaN: e.test,
  LSTM: m.recurrent,
  LayerNormalization: m.layerNorm,
  LinearAttention: a.linearAttention,
  Loop: c.loop,
  LpPool: w.pool,
  MatMul: m.matMul,
  MatMulInteger: m.matMulInteger,
  MaxPool: w.pool,
  MaxRoiPool: v.maxRoiPool,
  MaxUnpool: w.maxUnpool,
  MelWeightMatrix: g.melWeightMatrix,
  Multinomial: v.multinomial,
  NegativeLogLikelihoodLoss: m.loss,
  NonMaxSuppression: v.nonMaxSuppression,
  NonZero: s.nonZero,
  OneHot: l.oneHot,
  Optional: q.optional,
  OptionalGetElement: q.optionalGetElement,
  OptionalHasElement: q.optionalHasElement,
  Pad: l.pad,
  Pow: e.power,
  QLinearConv: w.qlinearConv,
  QLinearMatMul: m.qlinearMatMul,
  QuantizeLinear: e.quantize,
  RNN: m.recurrent,
  RandomNormal: l.random,
  RandomNormalLike: e.likeFirst,
  RandomUniform: l.random,
  RandomUniformLike: e.likeFirst,
  Range: l.range,
  RegexFullMatch: t.regexFullMatch,
  Reshape: l.reshape,
  Resize: w.resize,
  RoiAlign: v.roiAlign,
  STFT: g.stft,
  Scan: c.scan,
  SequenceAt: q.sequenceAt,
  SequenceConstruct: q.sequenceConstruct,
  SequenceEmpty: q.sequenceEmpty,
  SequenceErase: q.sequenceErase,
  SequenceInsert: q.sequenceInsert,
  SequenceLength: q.sequenceLength,
  SequenceMap: c.sequenceMap,
  Shape: l.shape,
  Size: l.size,
  Slice: s.slice,
  SoftmaxCrossEntropyLoss: m.loss,
  SpaceToDepth: w.spaceToDepth,
  Split: s.split,
  SplitToSequence: q.splitToSequence,
  Squeeze: l.squeeze,
  StringConcat: t.stringConcat,
  StringNormalizer: t.stringNormalizer,
  StringSplit: t.stringSplit,
  TfIdfVectorizer: t.tfIdfVectorizer,
  Tile: l.tile,
  TopK: s.topK,
  Transpose: l.transpose,
  Unique: s.unique,
  Unsqueeze: l.unsqueeze,
  Upsample: w.upsample,
  Where: e.where,
};

/** The row of an operator, or null when it has none. */
export function rowOf(op: string, domain = ''): Row | null {
  const key = isDefaultDomain(domain) ? op : `${domain}.${op}`;
  return Object.hasOwn(ROWS, key) ? ROWS[key as InferredOperator] : null;
}
