/** What kind of work an operator does, and the colour in which that is drawn. */

export type Kind =
  | 'product'
  | 'recurrent'
  | 'normalisation'
  | 'activation'
  | 'pooling'
  | 'arithmetic'
  | 'shape'
  | 'quantisation'
  | 'control'
  | 'other'
  | 'end';

/** Operators of each kind; what is not listed is `other`. */
const OPERATORS: Readonly<Record<Exclude<Kind, 'other' | 'end'>, string>> = {
  product:
    'Conv ConvInteger ConvTranspose DeformConv QLinearConv Gemm MatMul MatMulInteger QLinearMatMul Einsum Attention',
  recurrent: 'LSTM GRU RNN',
  normalisation:
    'BatchNormalization InstanceNormalization LayerNormalization GroupNormalization RMSNormalization LRN LpNormalization MeanVarianceNormalization',
  activation:
    'Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Swish Mish Tanh Softmax LogSoftmax Softplus Softsign Clip ThresholdedRelu Erf Hardmax',
  pooling:
    'MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool GlobalLpPool ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ArgMax ArgMin TopK',
  arithmetic:
    'Add Sub Mul Div Pow Sqrt Exp Log Abs Neg Reciprocal Sum Mean Max Min Floor Ceil Round Sign Mod Sin Cos Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not Where',
  shape:
    'Reshape Transpose Flatten Squeeze Unsqueeze Concat Split Slice Gather GatherElements GatherND Scatter ScatterElements ScatterND Expand Tile Pad Shape Size Cast CastLike Identity Constant ConstantOfShape Range Resize Upsample DepthToSpace SpaceToDepth Dropout',
  quantisation: 'QuantizeLinear DequantizeLinear DynamicQuantizeLinear',
  control: 'If Loop Scan SequenceMap',
};

const kinds = new Map<string, Kind>(
  Object.entries(OPERATORS).flatMap(([kind, ops]) => ops.split(' ').map((op) => [op, kind as Kind] as const)),
);

export const kindOf = (op: string): Kind => kinds.get(op) ?? 'other';

/** Fill and border; the text on them is near black, at a contrast of 7 and more. */
export const COLOURS: Readonly<Record<Kind, readonly [fill: string, border: string]>> = {
  product: ['#cfe2ff', '#3d6fb5'],
  recurrent: ['#d9d3f7', '#6d59b8'],
  normalisation: ['#d3efe9', '#2f8f7b'],
  activation: ['#ffe0c2', '#c4751f'],
  pooling: ['#d9efc9', '#5a9a33'],
  arithmetic: ['#fbf0b8', '#a98d12'],
  shape: ['#e9ebee', '#7d8793'],
  quantisation: ['#f9d4e3', '#b8487c'],
  control: ['#f6cfcb', '#b54a3f'],
  other: ['#ffffff', '#9aa1a9'],
  end: ['#3a4350', '#3a4350'],
};
