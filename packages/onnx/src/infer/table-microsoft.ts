/**
 * Continues `table.ts` with the operators that ONNX Runtime's optimiser and quantiser write, and that people export for
 * it: domains com.microsoft and com.microsoft.nchwc, and what it keeps in the default domain. Signatures are those of its docs/ContribOperators.md.
 */
import * as a from './fused-attention.js';
import * as e from './elementwise.js';
import type { Row } from './facts.js';
import { family, type Words } from './families.js';
import * as n from './fused-layout.js';
import * as p from './fused-linear.js';
import * as l from './layout.js';
import * as m from './linear.js';
import * as s from './selection.js';
import * as v from './vision.js';
import * as w from './windows.js';
import { tensorType } from './types.js';

/** The first output is like the first input. */
const SAME = [
  'BiasAdd BiasGelu BiasSoftmax FastGelu Gelu GroupNorm Inverse LongformerAttention MoE QMoE',
  'QLinearLeakyRelu QLinearSigmoid QLinearSoftmax QuickGelu RotaryEmbedding SampleOp Trilu',
] as const;
type Same = Words<(typeof SAME)[number]>;

type OwnRow =
  | 'Attention'
  | 'BiasDropout'
  | 'BiasSplitGelu'
  | 'CDist'
  | 'ConvTransposeWithDynamicPads'
  | 'CropAndResize'
  | 'DecoderMaskedMultiHeadAttention'
  | 'DequantizeLinear'
  | 'DynamicQuantizeLSTM'
  | 'DynamicQuantizeMatMul'
  | 'EmbedLayerNormalization'
  | 'ExpandDims'
  | 'FusedConv'
  | 'FusedGemm'
  | 'FusedMatMul'
  | 'FusedMatMulActivation'
  | 'GatherBlockQuantized'
  | 'GatherND'
  | 'GemmFastGelu'
  | 'GridSample'
  | 'GroupQueryAttention'
  | 'IsAllFinite'
  | 'MatMulBnb4'
  | 'MatMulInteger16'
  | 'MatMulIntegerToFloat'
  | 'MatMulNBits'
  | 'MulInteger'
  | 'MultiHeadAttention'
  | 'MurmurHash3'
  | 'NhwcConv'
  | 'NhwcFusedConv'
  | 'NhwcMaxPool'
  | 'PackedAttention'
  | 'Pad'
  | 'QAttention'
  | 'QEmbedLayerNormalization'
  | 'QGemm'
  | 'QLinearAdd'
  | 'QLinearAveragePool'
  | 'QLinearConcat'
  | 'QLinearConv'
  | 'QLinearGlobalAveragePool'
  | 'QLinearMul'
  | 'QLinearReduceMean'
  | 'QLinearWhere'
  | 'QuantizeLinear'
  | 'Range'
  | 'ReduceSumInteger'
  | 'SkipGroupNorm'
  | 'SkipLayerNormalization'
  | 'SkipSimplifiedLayerNormalization'
  | 'TorchEmbedding'
  | 'TransposeMatMul'
  | 'Unique';

/** Operators on blocks of channels. */
type Blocked =
  | 'AveragePool'
  | 'Conv'
  | 'GlobalAveragePool'
  | 'GlobalMaxPool'
  | 'MaxPool'
  | 'ReorderInput'
  | 'ReorderOutput'
  | 'Upsample';

export type MicrosoftOperator =
  `com.microsoft.${Same | OwnRow}` | `com.microsoft.nchwc.${Blocked}` | 'SimplifiedLayerNormalization';

/** Two operands with a scale and a zero point behind each. */
const quantisedPair: Row = (f) => [tensorType(f.sameDtype([0, 3]), f.broadcast([f.shape(0), f.shape(3)]))];

const OWN: Readonly<Record<OwnRow, Row>> = {
  Attention: a.fusedAttention,
  BiasDropout: e.dropout,
  BiasSplitGelu: p.halfOfLast,
  CDist: p.distances,
  ConvTransposeWithDynamicPads: n.convTransposeDynamic,
  CropAndResize: n.cropAndResize,
  DecoderMaskedMultiHeadAttention: a.decoderMaskedAttention,
  DequantizeLinear: e.dequantize,
  DynamicQuantizeLSTM: p.dynamicQuantizeLstm,
  DynamicQuantizeMatMul: p.dynamicQuantizeMatMul,
  EmbedLayerNormalization: p.embedLayerNormalization,
  ExpandDims: n.expandDims,
  FusedConv: w.conv,
  FusedGemm: m.gemm,
  FusedMatMul: p.fusedMatMul,
  FusedMatMulActivation: p.fusedMatMul,
  GatherBlockQuantized: p.gatherBlockQuantized,
  GatherND: s.gatherND,
  GemmFastGelu: m.matMul,
  GridSample: v.gridSample,
  GroupQueryAttention: a.groupQueryAttention,
  IsAllFinite: () => [tensorType('bool', [])],
  MatMulBnb4: p.packedMatMul,
  MatMulInteger16: m.matMulInteger,
  MatMulIntegerToFloat: p.matMulIntegerToFloat,
  MatMulNBits: p.packedMatMul,
  MulInteger: (f) => [tensorType('int32', f.broadcast([f.shape(0), f.shape(2)]))],
  MultiHeadAttention: a.multiHeadAttention,
  MurmurHash3: n.murmurHash,
  NhwcConv: n.nhwcConv,
  NhwcFusedConv: n.nhwcConv,
  NhwcMaxPool: n.nhwcMaxPool,
  PackedAttention: a.packedAttention,
  // The pads may also be one row of a matrix, which reads the same.
  Pad: l.pad,
  QAttention: a.qAttention,
  QEmbedLayerNormalization: p.qembedLayerNormalization,
  QGemm: p.qgemm,
  QLinearAdd: quantisedPair,
  QLinearAveragePool: n.qlinearAveragePool,
  QLinearConcat: n.qlinearConcat,
  QLinearConv: n.qlinearConv,
  QLinearGlobalAveragePool: n.qlinearGlobalAveragePool,
  QLinearMul: quantisedPair,
  QLinearReduceMean: p.qlinearReduce,
  QLinearWhere: (f) => [tensorType(f.sameDtype([1, 4]), f.broadcast([f.shape(0), f.shape(1), f.shape(4)]))],
  QuantizeLinear: e.quantize,
  Range: l.range,
  ReduceSumInteger: p.reduceSumInteger,
  SkipGroupNorm: (f) => [f.type(0), f.type(0)],
  SkipLayerNormalization: p.skipLayerNorm,
  SkipSimplifiedLayerNormalization: p.skipLayerNorm,
  TorchEmbedding: n.torchEmbedding,
  TransposeMatMul: p.fusedMatMul,
  Unique: p.uniqueOfVector,
};

const BLOCKED: Readonly<Record<Blocked, Row>> = {
  AveragePool: w.pool,
  Conv: n.nchwcConv,
  GlobalAveragePool: w.globalPool,
  GlobalMaxPool: w.globalPool,
  MaxPool: w.pool,
  ReorderInput: n.reorderInput,
  ReorderOutput: n.reorderOutput,
  Upsample: n.nchwcUpsample,
};

function inDomain<D extends string, T extends string>(
  domain: D,
  rows: Readonly<Record<T, Row>>,
): Record<`${D}.${T}`, Row> {
  const qualified = Object.entries<Row>(rows).map(([op, row]) => [`${domain}.${op}`, row]);
  return Object.fromEntries(qualified) as Record<`${D}.${T}`, Row>;
}

export const ROWS_MICROSOFT: Readonly<Record<MicrosoftOperator, Row>> = {
  ...inDomain('com.microsoft', { ...family(SAME, e.sameAsFirst), ...OWN }),
  ...inDomain('com.microsoft.nchwc', BLOCKED),
  SimplifiedLayerNormalization: p.simplifiedLayerNorm,
};
