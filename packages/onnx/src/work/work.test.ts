import { describe, expect, it } from 'vitest';
import {
  floats,
  GraphBuilder,
  int,
  int64,
  ints,
  str,
  strs,
  summarize,
  type ModelSummary,
  type Tensor,
} from '../index.js';
import { B, bytes, COUNTS, L, modelOf, scale, zeros, type Case } from './counts-cases.js';

describe('multiply-accumulates', () => {
  it.each(COUNTS)('of %s are those counted by hand', (_, c, macs) => {
    const summary = summarize(modelOf(c));
    expect({ macs: summary.macs, unknown: summary.unknown }).toEqual({ macs, unknown: [] });
  });

  it('of fused attention are those of its parts', () => {
    const [n, size] = [2, 4];
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [B, L, 6]);
    const heads = (): string => {
      const made = b.node('MatMul', [x, b.constant(zeros(6, n * size))]);
      const apart = b.node('Reshape', [made, b.constant(int64([4], [B, L, n, size]))]);
      return b.node('Transpose', [apart], { perm: ints([0, 2, 1, 3]) });
    };
    const [q, k, v] = [heads(), heads(), heads()];
    const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: ints([0, 1, 3, 2]) })]);
    b.output(b.node('MatMul', [b.node('Softmax', [scores]), v]), null, null);
    const parts = summarize(b.build());
    expect(parts.macs).toBe(B * L * 6 * 24 + 2 * B * n * L * L * size);
    const attributes = { num_heads: int(n) };
    const fused: Case = {
      op: 'Attention',
      domain: 'com.microsoft',
      inputs: [[B, L, 6], zeros(6, 24), zeros(24)],
      attributes,
    };
    expect(summarize(modelOf(fused)).macs).toBe(parts.macs);
    const quantised: Case = {
      ...{ op: 'QAttention', domain: 'com.microsoft', attributes },
      inputs: [bytes(B, L, 6), bytes(6, 24), zeros(24), scale, scale],
    };
    expect(summarize(modelOf(quantised)).macs).toBe(parts.macs);
    const packed = B * L * n * size;
    const multi: Case = {
      ...{ op: 'MultiHeadAttention', domain: 'com.microsoft', attributes },
      inputs: [
        [B, L, 8],
        [B, L, 8],
        [B, L, 8],
      ],
    };
    expect(summarize(modelOf(multi)).macs).toBe(2 * packed * L);
  });

  // A quantised or fused operator does the work of the plain one.
  const convolution = { kernel_shape: ints([3, 3]), strides: ints([2, 2]) };
  const PAIRS: [string, Case, Case][] = [
    [
      'MatMulNBits',
      { op: 'MatMul', inputs: [[2, 3, 32], zeros(32, 6)] },
      {
        op: 'MatMulNBits',
        domain: 'com.microsoft',
        inputs: [[2, 3, 32], bytes(6, 2, 8), zeros(12)],
        attributes: { K: int(32), N: int(6), bits: int(4), block_size: int(16) },
      },
    ],
    [
      'DynamicQuantizeLSTM',
      {
        op: 'LSTM',
        inputs: [[L, B, 3], zeros(2, 16, 3), zeros(2, 16, 4)],
        attributes: { hidden_size: int(4), direction: str('bidirectional') },
      },
      {
        op: 'DynamicQuantizeLSTM',
        domain: 'com.microsoft',
        inputs: [
          [L, B, 3],
          bytes(2, 3, 16),
          bytes(2, 4, 16),
          ...[null, null, null, null, null],
          zeros(2),
          bytes(2),
          zeros(2),
          bytes(2),
        ],
        attributes: { hidden_size: int(4), direction: str('bidirectional') },
      },
    ],
    [
      'QLinearConv with the channels last',
      { op: 'Conv', inputs: [[1, 2, 7, 9], zeros(4, 2, 3, 3)], attributes: convolution },
      {
        op: 'QLinearConv',
        domain: 'com.microsoft',
        inputs: [bytes(1, 7, 9, 2), scale, bytes(), bytes(4, 2, 3, 3), zeros(4), bytes(4), scale, bytes()],
        attributes: { ...convolution, channels_last: int(1) },
      },
    ],
    [
      'QGemm',
      { op: 'Gemm', inputs: [[3, 4], zeros(5, 4)], attributes: { transB: int(1) } },
      {
        op: 'QGemm',
        domain: 'com.microsoft',
        inputs: [bytes(3, 4), scale, bytes(), bytes(5, 4), zeros(5), bytes(5)],
        attributes: { transB: int(1) },
      },
    ],
  ];
  it.each(PAIRS)('and parameters of %s are those of the plain operator', (_, plain, other) => {
    const weights = ({ parameters, macs }: ModelSummary): unknown => ({ parameters, macs });
    const constant = other.inputs.filter((i): i is Tensor => i !== null && !Array.isArray(i))[0]!;
    // Where even the values are constants here, they count as parameters too.
    const values = Array.isArray(other.inputs[0]) ? 0 : constant.dims.reduce((a, b) => a * b, 1);
    const { parameters, macs } = summarize(modelOf(other));
    expect({ parameters: parameters - values, macs }).toEqual(weights(summarize(modelOf(plain))));
    expect(macs).toBeGreaterThan(0);
  });

  it('of an operator that nothing is known of are unknown, and the rest is not', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 4]);
    const y = b.node('MatMul', [x, b.constant(zeros(4, 3))], {}, 1, { name: 'fc' });
    b.output(b.node('Mystery', [y], {}, 1, { domain: 'org.example', name: 'what' }), null, null);
    const summary = summarize(b.build({ opsets: { 'org.example': 1 } }));
    expect([summary.macs, summary.parameters]).toEqual([null, 12]);
    expect(summary.layers.map((l) => l.macs)).toEqual([24, null]);
    expect(summary.unknown).toEqual([{ node: 'what', reason: 'what org.example.Mystery multiplies is not known' }]);
    const dft = modelOf({ op: 'DFT', inputs: [[1, 8, 1], null, int64([], [1])], opset: 20 });
    expect(summarize(dft)).toMatchObject({ macs: null, unknown: [{ reason: 'what DFT multiplies is not known' }] });
  });

  it('of a node that contradicts itself are unknown, and the rest is not', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['batch', 4]);
    const y = b.node('MatMul', [x, b.constant(zeros(4, 3))], {}, 1, { name: 'fits' });
    const z = b.node('MatMul', [y, b.constant(zeros(5, 2))], {}, 1, { name: 'does not' });
    b.output(y, null, null);
    b.output(b.node('Relu', [z]), null, null);
    const summary = summarize(b.build(), { batch: 2 });
    expect(summary.layers.map((l) => l.macs)).toEqual([24, null, 0]);
    expect([summary.macs, summary.peakActivationBytes, summary.parameters]).toEqual([null, null, 22]);
    expect(summary.unknown).toEqual([
      { node: 'does not', reason: expect.stringContaining('inner sizes 3 and 5 differ') as string },
    ]);
    expect(summary.outputs[0]).toEqual({ name: y, dtype: 'float32', shape: ['batch', 3] });
  });
});

it('parameters of trees are thresholds and leaves', () => {
  const tree: Case = {
    op: 'TreeEnsembleRegressor',
    domain: 'ai.onnx.ml',
    inputs: [[6, 4]],
    attributes: {
      nodes_modes: strs(['BRANCH_LEQ', 'LEAF', 'LEAF']),
      nodes_values: floats([0.5, 0, 0]),
      target_weights: floats([1, 2]),
      n_targets: int(1),
    },
  };
  const summary = summarize(modelOf(tree));
  expect([summary.parameters, summary.macs]).toEqual([1 + 2, 0]);
});
