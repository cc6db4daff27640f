/** Test support: one-node models of the operators of com.microsoft that ONNX Runtime runs on a CPU. */
import type { Attributes } from '../builder.js';
import { float, int, ints, str } from '../attributes.js';
import type { Dim } from '../ir.js';
import { float32, type DataType, type Tensor } from '../tensor.js';

/** An input of the graph; symbols are open. */
interface Open {
  readonly input: DataType;
  readonly shape: readonly Dim[];
}

export interface MicrosoftCase {
  /** The operator; with a remark behind a space where it has several cases. */
  readonly name: string;
  readonly domain?: string;
  /** Inputs of the graph, constants, and null for those left out. */
  readonly inputs: readonly (Open | Tensor | null)[];
  readonly attributes?: Attributes;
  /** Whether each output is asked for; the first one alone when absent. */
  readonly outputs?: readonly boolean[];
  /** Dimensions `output.axis` that depend on more than sizes. */
  readonly open?: readonly string[];
  /** False where the package of ONNX Runtime for Node has no kernel for a CPU: then it says of the types alone. */
  readonly runs?: false;
}

const x = (...shape: Dim[]): Open => ({ input: 'float32', shape });
const u8 = (...shape: Dim[]): Open => ({ input: 'uint8', shape });
const i32 = (...shape: Dim[]): Open => ({ input: 'int32', shape });
const i64 = (...shape: Dim[]): Open => ({ input: 'int64', shape });

const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
/** Constants: waves of small numbers, so that nothing is degenerate. */
const w = (...dims: number[]): Tensor =>
  float32(
    dims,
    Array.from({ length: count(dims) }, (_, k) => Math.sin(k + 1) / 2),
  );
const bytes = (dims: readonly number[], value?: number): Tensor => ({
  dtype: 'uint8',
  dims,
  data: Uint8Array.from({ length: count(dims) }, (_, k) => value ?? (k * 37) % 256),
});
const wb = (...dims: number[]): Tensor => bytes(dims);
const zero = bytes([], 128);
const scale = float32([], [0.05]);
const int32s = (dims: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'int32',
  dims,
  data: Int32Array.from(values),
});
const int64s = (dims: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'int64',
  dims,
  data: BigInt64Array.from(values.map(BigInt)),
});
const short = (...dims: number[]): Tensor => ({
  dtype: 'int16',
  dims,
  data: Int16Array.from({ length: count(dims) }, (_, k) => k),
});
/** A quantised value with its scale and zero point. */
const q = (...shape: Dim[]): (Open | Tensor)[] => [u8(...shape), scale, zero];

export const FUSED_LINEAR: readonly MicrosoftCase[] = [
  { name: 'FusedMatMul', inputs: [x('b', 3, 4), w(4, 5)] },
  { name: 'FusedMatMul transposed', inputs: [x('b', 4, 3), w(5, 4)], attributes: { transA: int(1), transB: int(1) } },
  {
    name: 'FusedMatMul batch transposed',
    inputs: [x(3, 'b', 6, 4), x('b', 6, 4, 5)],
    attributes: { transBatchA: int(1) },
  },
  { name: 'FusedMatMul vector', inputs: [x(4), x('b', 4, 5)], attributes: { transA: int(1) } },
  { name: 'TransposeMatMul', inputs: [x('b', 4, 3), w(4, 5)], attributes: { transA: int(1) } },
  {
    name: 'FusedGemm',
    inputs: [x('b', 4), w(5, 4), w(5)],
    attributes: { transB: int(1), activation: str('Relu') },
  },
  { name: 'MatMulInteger16', inputs: [{ input: 'int16', shape: ['b', 3, 4] }, short(4, 5)] },
  { name: 'MatMulIntegerToFloat', inputs: [u8('b', 3, 4), wb(4, 5), scale, scale, zero, zero, w(5)] },
  { name: 'DynamicQuantizeMatMul', inputs: [x('b', 3, 4), wb(4, 5), scale, zero, w(5)] },
  { name: 'QGemm', inputs: [...q('b', 4), wb(4, 5), scale, zero, null, scale, zero] },
  { name: 'QGemm to floats', inputs: [...q('b', 4), wb(5, 4), scale, zero], attributes: { transB: int(1) } },
  {
    name: 'MatMulNBits',
    inputs: [x('b', 's', 32), wb(6, 2, 8), w(12)],
    attributes: { K: int(32), N: int(6), bits: int(4), block_size: int(16) },
  },
  {
    name: 'MatMulBnb4',
    inputs: [x('b', 32), bytes([96]), w(12)],
    attributes: { K: int(32), N: int(6), block_size: int(16), quant_type: int(1) },
  },
  {
    name: 'GatherBlockQuantized',
    inputs: [wb(8, 16), i64('b', 3), w(8, 2), wb(8, 1)],
    attributes: { gather_axis: int(0), quantize_axis: int(1), block_size: int(16), bits: int(4) },
  },
  {
    name: 'DynamicQuantizeLSTM',
    inputs: [
      x('s', 'b', 3),
      wb(2, 3, 16),
      wb(2, 4, 16),
      w(2, 32),
      null,
      null,
      null,
      null,
      float32([2], [0.02, 0.03]),
      bytes([2], 128),
      float32([2], [0.02, 0.03]),
      bytes([2], 128),
    ],
    attributes: { hidden_size: int(4), direction: str('bidirectional') },
    outputs: [true, true, true],
  },
  {
    name: 'FusedMatMulActivation',
    runs: false,
    inputs: [x('b', 3, 4), w(4, 5)],
    attributes: { activation: str('Relu') },
  },
  { name: 'GemmFastGelu', runs: false, inputs: [x('b', 3, 4), w(4, 5), w(5)] },
  { name: 'CDist', inputs: [x('b', 4), x('s', 4)], attributes: { metric: str('euclidean') } },
  { name: 'Inverse', inputs: [x('b', 3, 3)] },
];

const D = 8;
const norm = [w(D), w(D)];
export const FUSED_ELEMENTWISE: readonly MicrosoftCase[] = [
  ...['Gelu', 'FastGelu', 'QuickGelu'].map((name) => ({ name, inputs: [x('b', 's', D)] })),
  { name: 'BiasGelu', inputs: [x('b', 's', D), w(D)] },
  { name: 'FastGelu with a bias', inputs: [x('b', 's', D), w(D)] },
  {
    name: 'SkipLayerNormalization',
    inputs: [x('b', 's', D), x('b', 's', D), ...norm, w(D)],
    outputs: [true, false, false, true],
  },
  {
    name: 'SkipSimplifiedLayerNormalization',
    inputs: [x('b', 's', D), x('b', 's', D), w(D)],
    outputs: [true, false, false, true],
  },
  { name: 'SimplifiedLayerNormalization', domain: '', inputs: [x('b', 's', D), w(D)], outputs: [true, true] },
  { name: 'LayerNormalization', domain: '', inputs: [x('b', 's', D), ...norm], outputs: [true, true, true] },
  {
    name: 'EmbedLayerNormalization',
    inputs: [i32('b', 's'), i32('b', 's'), w(20, D), w(12, D), w(2, D), ...norm, i32('b', 's')],
    outputs: [true, true, true],
  },
  {
    name: 'QEmbedLayerNormalization',
    inputs: [
      ...[i32('b', 's'), i32('b', 's'), wb(20, D), wb(12, D), wb(2, D), wb(D), wb(D), i32('b', 's')],
      ...[scale, scale, scale, scale, scale, zero, zero, zero, zero, zero],
    ],
    outputs: [true, true],
  },
  {
    name: 'BiasSoftmax',
    runs: false,
    inputs: [x('b', 2, 3, 4), x('b', 1, 1, 4)],
    attributes: { axis: int(3), is_inner_broadcast: int(0) },
  },
  {
    name: 'MoE',
    inputs: [x('b', 8), x('b', 2), w(2, 8, 16), w(2, 16), w(2, 16, 8), w(2, 8)],
  },
  {
    name: 'QMoE',
    inputs: [x('b', 8), x('b', 2), wb(2, 8, 8), w(2, 16), null, wb(2, 16, 4), w(2, 8), null],
    attributes: { expert_weight_bits: int(4) },
  },
  { name: 'Trilu', inputs: [x('b', 4, 4)] },
  { name: 'QuantizeLinear', inputs: [x('b', 4), scale, zero] },
  { name: 'DequantizeLinear', inputs: q('b', 4) },
  { name: 'QLinearAdd', inputs: [...q('b', 1, 4), ...q(3, 4), scale, zero] },
  { name: 'QLinearMul', inputs: [...q('b', 4), ...q(4), scale, zero] },
  { name: 'QLinearSigmoid', inputs: [...q('b', 4), scale, zero] },
  { name: 'QLinearLeakyRelu', inputs: [...q('b', 4), scale, zero], attributes: { alpha: float(0.1) } },
  { name: 'QLinearSoftmax', inputs: [...q('b', 4), scale, zero], attributes: { axis: int(1), opset: int(13) } },
  { name: 'QLinearWhere', inputs: [{ input: 'bool', shape: ['b', 4] }, ...q('b', 4), ...q(4), scale, zero] },
  {
    name: 'QLinearReduceMean',
    runs: false,
    inputs: [...q('b', 3, 4), scale, zero],
    attributes: { axes: ints([-1]), keepdims: int(0) },
  },
  {
    name: 'QLinearReduceMean kept',
    runs: false,
    inputs: [...q('b', 3, 4), scale, zero],
    attributes: { axes: ints([1, 2]), keepdims: int(1) },
  },
  { name: 'QLinearConcat', inputs: [scale, zero, ...q('b', 3), ...q('b', 2)], attributes: { axis: int(1) } },
  { name: 'MulInteger', runs: false, inputs: [u8('b', 4), zero, u8(4), zero] },
  { name: 'ReduceSumInteger', runs: false, inputs: [u8('b', 4)], attributes: { axes: ints([1]), keepdims: int(0) } },
  { name: 'MurmurHash3', inputs: [i32('b', 4)] },
  { name: 'Unique', inputs: [x('b')], outputs: [true, true, true], open: ['0.0', '2.0'] },
  { name: 'ExpandDims', inputs: [x('b', 4), int32s([], [-1])] },
  { name: 'GatherND', inputs: [x('b', 4, 5), int64s([2, 1], [0, 0])] },
  { name: 'Range', inputs: [int32s([], [1]), int32s([], [9]), int32s([], [3])] },
  { name: 'IsAllFinite', runs: false, inputs: [x('b', 4)] },
  { name: 'SampleOp', inputs: [x('b', 4)] },
  { name: 'BiasAdd', runs: false, inputs: [x('b', 6, 320), w(320), x('b', 6, 320)] },
  { name: 'BiasSplitGelu', runs: false, inputs: [x('b', 6, 2560), w(2560)] },
  { name: 'BiasDropout', runs: false, inputs: [x('b', 4), w(4)], outputs: [true, true] },
  { name: 'TorchEmbedding', runs: false, inputs: [w(6, 4), i64('b', 2)] },
];

const conv = { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]), strides: ints([2, 2]) };
export const FUSED_LAYOUT: readonly MicrosoftCase[] = [
  {
    name: 'FusedConv',
    inputs: [x('b', 2, 's', 6), w(4, 2, 3, 3), w(4)],
    attributes: { ...conv, activation: str('Relu') },
    open: ['0.2'],
  },
  { name: 'QLinearConv', inputs: [...q('b', 2, 7, 6), wb(4, 2, 3, 3), scale, zero, scale, zero], attributes: conv },
  {
    name: 'QLinearConv channels last',
    inputs: [...q('b', 7, 6, 2), wb(4, 2, 3, 3), scale, zero, scale, zero],
    attributes: { ...conv, channels_last: int(1) },
  },
  { name: 'NhwcMaxPool', inputs: [u8('b', 7, 6, 2)], attributes: conv },
  { name: 'NhwcConv', runs: false, inputs: [x('b', 7, 6, 2), w(4, 2, 3, 3)], attributes: conv },
  { name: 'NhwcFusedConv', runs: false, inputs: [x('b', 7, 6, 2), w(4, 2, 3, 3)], attributes: conv },
  { name: 'QLinearAveragePool', inputs: [...q('b', 2, 7, 6), scale, zero], attributes: conv },
  {
    name: 'QLinearAveragePool channels last',
    inputs: [...q('b', 7, 6, 2), scale, zero],
    attributes: { ...conv, channels_last: int(1), ceil_mode: int(1) },
  },
  { name: 'QLinearGlobalAveragePool', inputs: [...q('b', 2, 7, 6), scale, zero] },
  {
    name: 'QLinearGlobalAveragePool channels last',
    inputs: [...q('b', 7, 6, 2), scale, zero],
    attributes: { channels_last: int(1) },
  },
  { name: 'Pad', inputs: [x('b', 4), int64s([4], [0, 1, 0, 2]), float32([1], [0])] },
  { name: 'Pad one row', inputs: [x('b', 4), int64s([1, 4], [0, 1, 0, 2])] },
  {
    name: 'ConvTransposeWithDynamicPads',
    inputs: [x('b', 2, 5, 5), w(2, 3, 3, 3), int64s([4], [1, 1, 1, 1])],
    attributes: { strides: ints([2, 2]), output_padding: ints([1, 1]) },
  },
  {
    name: 'CropAndResize',
    inputs: [x('b', 2, 6, 6), x(2, 4), int32s([2], [0, 0]), int32s([2], [3, 4])],
  },
  { name: 'GridSample', inputs: [x('b', 2, 5, 5), x('b', 3, 4, 2)] },
  {
    name: 'SkipGroupNorm',
    runs: false,
    inputs: [x('b', 4, 4, 32), w(32), w(32), x('b', 4, 4, 32)],
    attributes: { groups: int(8), activation: int(0) },
    outputs: [true, true],
  },
  {
    name: 'GroupNorm',
    runs: false,
    inputs: [x('b', 4, 4, 32), w(32), w(32)],
    attributes: { groups: int(8), activation: int(0) },
  },
];
