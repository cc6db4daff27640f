/** Operators of ONNX Runtime's own as models of one node, for the checks of what they are un-fused to. For tests. */
import {
  elementCount,
  float,
  float32,
  floats,
  GraphBuilder,
  int,
  ints,
  str,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { Random } from '../../random.js';
import { fusedAttentions, int32, type FusedCase, type Given } from './fused-attention.js';

export type { FusedCase };

const conv = (text: string, attributes: FusedCase['attributes'], z = false, b = true): FusedCase => ({
  ...{ op: 'FusedConv', text },
  attributes: { ...attributes, kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]), strides: ints([2, 2]) },
  inputs: [[2, 4, 5, 5], [6, 4, 3, 3], b ? [6] : null, ...(z ? [[2, 6, 3, 3]] : [])],
});
const activated = (name: string, ...params: number[]): FusedCase =>
  conv(name, { activation: str(name), ...(params.length > 0 && { activation_params: floats(params) }) });

const convolutions: readonly FusedCase[] = [
  ...['Relu', 'Tanh', 'Sigmoid'].map((name) => activated(name)),
  activated('LeakyRelu', 0.3),
  activated('Clip', -0.4, 0.7),
  activated('HardSigmoid', 0.3, 0.6),
  conv('a sum before the activation', { activation: str('Relu') }, true),
  conv('a sum without bias', { activation: str('Tanh') }, true, false),
  {
    ...{ op: 'FusedConv', text: 'groups, dilated' },
    inputs: [[1, 4, 6, 6], [4, 2, 2, 2], [4]],
    attributes: { activation: str('Relu'), group: int(2), dilations: ints([2, 1]) },
  },
  {
    ...{ op: 'FusedConv', text: 'padded to the same size' },
    inputs: [
      [1, 4, 6, 6],
      [4, 4, 2, 2],
    ],
    attributes: { activation: str('Relu'), auto_pad: str('SAME_UPPER') },
  },
];

const gemm = (activation: string, more: FusedCase['attributes'] = {}): FusedCase => ({
  ...{ op: 'FusedGemm', text: `${activation} ${Object.keys(more).join(' ')}` },
  inputs: [[3, 4], [5, 4], [5]],
  attributes: { activation: str(activation), transB: int(1), alpha: float(0.7), beta: float(0.4), ...more },
});

const gemms: readonly FusedCase[] = [
  ...['Relu', 'Tanh', 'Sigmoid', 'Softplus', 'Softsign'].map((name) => gemm(name)),
  gemm('LeakyRelu', { activation_alpha: float(0.3) }),
  gemm('Elu', { activation_alpha: float(0.6) }),
  gemm('ThresholdedRelu', { activation_alpha: float(0.2) }),
  gemm('HardSigmoid', { activation_alpha: float(0.3), activation_beta: float(0.6) }),
  {
    op: 'FusedGemm',
    text: 'transA, no C',
    inputs: [
      [4, 3],
      [4, 5],
    ],
    attributes: { activation: str('Tanh'), transA: int(1) },
  },
];

const matMul = (
  text: string,
  a: number[],
  b: number[],
  attributes: FusedCase['attributes'],
  op = 'FusedMatMul',
): FusedCase => ({
  ...{ op, text, attributes },
  inputs: [a, b],
});

const products: readonly FusedCase[] = [
  matMul('alpha', [2, 3, 4], [4, 5], { alpha: float(0.3) }),
  matMul('both transposed', [2, 4, 3], [5, 4], { transA: int(1), transB: int(1), alpha: float(-1.5) }),
  matMul('transB of many', [2, 3, 4, 5], [2, 3, 6, 5], { transB: int(1) }),
  matMul('transBatchA', [4, 2, 3, 5], [2, 3, 5, 6], { transBatchA: int(1) }),
  matMul('transBatchA, transA', [4, 2, 3, 5], [2, 3, 4, 6], { transBatchA: int(1), transA: int(1) }),
  matMul('transBatchB, transB', [2, 3, 4, 5], [6, 2, 3, 5], { transBatchB: int(1), transB: int(1) }),
  matMul('transA', [2, 4, 3], [4, 5], { transA: int(1), alpha: float(2) }, 'TransposeMatMul'),
];

const activations: readonly FusedCase[] = [
  { op: 'Gelu', text: 'exact', inputs: [[3, 5]] },
  { op: 'BiasGelu', text: 'exact', inputs: [[2, 3, 5], [5]] },
  { op: 'FastGelu', text: 'tanh', inputs: [[3, 5]] },
  { op: 'FastGelu', text: 'a bias', inputs: [[2, 3, 5], [5]] },
  { op: 'QuickGelu', text: 'alpha unless told', inputs: [[3, 5]] },
  { op: 'QuickGelu', text: 'alpha', inputs: [[3, 5]], attributes: { alpha: float(0.9) } },
];

const wide = [2, 3, 8];
const ids = (size: number, of: number): Tensor =>
  int32(
    [2, size],
    Array.from({ length: 2 * size }, (_, i) => (i * 5 + 1) % of),
  );
const tables = [[9, 8], [6, 8], [2, 8], [8], [8]];

const normalizations: readonly FusedCase[] = [
  { op: 'SkipLayerNormalization', text: 'all inputs', inputs: [wide, wide, [8], [8], [8]], outputs: [0, 3] },
  { op: 'SkipLayerNormalization', text: 'neither shift nor bias', inputs: [wide, wide, [8]] },
  {
    ...{ op: 'SkipLayerNormalization', text: 'epsilon, a skip for all' },
    inputs: [wide, [1, 3, 8], [8], [8]],
    attributes: { epsilon: float(0.1) },
  },
  { op: 'SkipSimplifiedLayerNormalization', text: 'a bias', inputs: [wide, wide, [8], [8]], outputs: [0, 3] },
  {
    ...{ op: 'SkipSimplifiedLayerNormalization', text: 'epsilon' },
    inputs: [wide, wide, [8]],
    attributes: { epsilon: float(0.1) },
  },
  { op: 'SimplifiedLayerNormalization', text: 'last axis', domain: '', inputs: [wide, [8]] },
  {
    ...{ op: 'SimplifiedLayerNormalization', text: 'two axes, epsilon', domain: '' },
    inputs: [wide, [3, 8]],
    attributes: { axis: int(1), epsilon: float(0.1) },
  },
  { op: 'LayerNormalization', text: 'of an older operator set', domain: '', inputs: [wide, [8], [8]] },
  {
    ...{ op: 'EmbedLayerNormalization', text: 'segments, mask, sum' },
    inputs: [ids(4, 9), ids(4, 2), ...tables, int32([2, 4], [1, 1, 1, 0, 1, 1, 0, 0])],
    outputs: [0, 1, 2],
  },
  {
    ...{ op: 'EmbedLayerNormalization', text: 'positions of its own' },
    inputs: [ids(4, 9), null, tables[0]!, tables[1]!, null, [8], [8], null, ids(4, 6)],
    attributes: { epsilon: float(0.01) },
    outputs: [0, 1],
  },
];

const bytes = (dims: number[], factor: number): Tensor => ({
  dtype: 'uint8',
  dims,
  data: Uint8Array.from({ length: elementCount(dims) }, (_, i) => (i * factor + 11) % 256),
});
const packed = (
  text: string,
  [k, n, bits, size]: readonly [number, number, number, number],
  more: readonly Given[] = [],
): FusedCase => {
  const blocks = Math.ceil(k / size);
  const scales = float32(
    [n * blocks],
    Array.from({ length: n * blocks }, (_, i) => 0.05 + 0.01 * (i % 5)),
  );
  return {
    ...{ op: 'MatMulNBits', text },
    inputs: [[2, 3, k], bytes([n, blocks, (size * bits) / 8], 37), scales, ...more],
    attributes: { K: int(k), N: int(n), bits: int(bits), block_size: int(size) },
  };
};
const sixteen = (value: number): Tensor => ({ dtype: 'int16', dims: [], data: Int16Array.of(value) });
const step = float32([], [0.0003]);

const quantised: readonly FusedCase[] = [
  packed('4 bits', [32, 6, 4, 16]),
  packed('zero points', [48, 5, 4, 16], [bytes([10], 91)]),
  packed('8 bits', [32, 4, 8, 16]),
  packed('a last block that is not full, a bias', [40, 6, 4, 16], [null, null, [6]]),
  { op: 'QuantizeLinear', text: '16 bits', inputs: [[3, 4], step, sixteen(12)], rounds: true },
  {
    ...{ op: 'DequantizeLinear', text: '16 bits', rounds: true },
    inputs: [{ dtype: 'int16', dims: [2, 2], data: Int16Array.of(-32768, 5, 700, 32767) }, [], sixteen(12)],
  },
];

export const fusedCases: readonly FusedCase[] = [
  ...convolutions,
  ...gemms,
  ...products,
  ...activations,
  ...normalizations,
  ...fusedAttentions,
  ...quantised,
];

/** The node alone, values for its float inputs, and these inputs. */
export function fusedModel(c: FusedCase): { model: Model; feeds: Record<string, Tensor>; outputs: readonly string[] } {
  const b = new GraphBuilder();
  const random = new Random(7, c.op, c.text);
  const feeds: Record<string, Tensor> = {};
  const inputs = c.inputs.map((given, i) => {
    if (given === null) return '';
    if ('dtype' in given) return b.initializer(`c${i}`, given);
    const name = b.input(`x${i}`, 'float32', [...given]);
    feeds[name] = float32(
      given,
      Float32Array.from({ length: elementCount(given) }, () => random.uniform(-1, 1)),
    );
    return name;
  });
  const asked = c.outputs ?? [0];
  const names = Array.from({ length: Math.max(...asked) + 1 }, (_, i) => (asked.includes(i) ? `y${i}` : ''));
  b.node(c.op, inputs, c.attributes ?? {}, names.length, { domain: c.domain ?? 'com.microsoft', outputNames: names });
  const outputs = names.filter((name) => name !== '');
  b.graph.outputs = outputs.map((name) => ({ name, type: null }));
  return {
    model: b.build({ opset: c.op === 'LayerNormalization' ? 12 : 17, opsets: { 'com.microsoft': 1 } }),
    feeds,
    outputs,
  };
}
