import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  float,
  float32,
  floats,
  GraphBuilder,
  graphAttr,
  int,
  int64,
  ints,
  str,
  strs,
  summarize,
  type Attributes,
  type FunctionBody,
  type Model,
  type ModelSummary,
  type Tensor,
} from '../index.js';

const zeros = (...dims: number[]): Tensor => float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
const bytes = (...dims: number[]): Tensor => ({
  dtype: 'uint8',
  dims,
  data: new Uint8Array(dims.reduce((a, b) => a * b, 1)),
});
const scale = float32([], [0.1]);

interface Case {
  readonly op: string;
  readonly domain?: string;
  /** Shapes of inputs of the graph, constants, or null. */
  readonly inputs: readonly (number[] | Tensor | null)[];
  readonly attributes?: Attributes;
  readonly outputs?: number;
  readonly opset?: number;
}

function modelOf({ op, domain = '', inputs, attributes = {}, outputs = 1, opset = 23 }: Case): Model {
  const b = new GraphBuilder();
  const names = inputs.map((given, i) => {
    if (!given) return '';
    return Array.isArray(given) ? b.input(`x${i}`, 'float32', given) : b.constant(given as Tensor);
  });
  const outputNames = Array.from({ length: outputs }, (_, i) => `y${i}`);
  b.node(op, names, attributes, outputs, { domain, outputNames });
  b.output('y0', null, null);
  return b.build({ opset, opsets: { 'com.microsoft': 1, 'ai.onnx.ml': 3 } });
}

const [B, L, S, H, D] = [2, 5, 7, 3, 4];
/** Counted by hand: what is multiplied, and how often. */
const COUNTS: [string, Case, number][] = [
  ['a transposed convolution', { op: 'ConvTranspose', inputs: [[1, 8, 5, 5], zeros(8, 4, 3, 3)] }, 25 * 8 * 4 * 9],
  [
    'a deformable convolution',
    { op: 'DeformConv', inputs: [[1, 2, 6, 6], zeros(4, 2, 3, 3), [1, 18, 4, 4]] },
    4 * 16 * (2 * 9),
  ],
  [
    'a GRU in both directions',
    {
      op: 'GRU',
      inputs: [[L, B, 6], zeros(2, 12, 6), zeros(2, 12, 4)],
      attributes: { hidden_size: int(4), direction: str('bidirectional') },
      outputs: 2,
    },
    2 * L * B * 3 * 4 * (6 + 4),
  ],
  [
    'a contraction',
    {
      op: 'Einsum',
      inputs: [
        [2, 3, 4],
        [2, 4, 5],
      ],
      attributes: { equation: str('bij,bjk->bik') },
    },
    120,
  ],
  [
    'a contraction under an ellipsis',
    {
      op: 'Einsum',
      inputs: [
        [2, 1, 3, 4],
        [6, 4, 5],
      ],
      attributes: { equation: str('...ij,...jk') },
    },
    2 * 6 * 3 * 4 * 5,
  ],
  [
    // First ij,jk (2 x 3 x 4), then ik,kl (2 x 4 x 5).
    'a contraction of three',
    {
      op: 'Einsum',
      inputs: [
        [2, 3],
        [3, 4],
        [4, 5],
      ],
      attributes: { equation: str('ij,jk,kl->il') },
    },
    24 + 40,
  ],
  [
    'an element-wise Einsum',
    {
      op: 'Einsum',
      inputs: [
        [2, 3],
        [2, 3],
      ],
      attributes: { equation: str('ij,ij->ij') },
    },
    0,
  ],
  ['a transposition by Einsum', { op: 'Einsum', inputs: [[2, 3]], attributes: { equation: str('ij->ji') } }, 0],
  ['a sum by Einsum', { op: 'Einsum', inputs: [[2, 3], [4]], attributes: { equation: str('ij,k->k') } }, 0],
  [
    'attention with heads apart',
    {
      op: 'Attention',
      inputs: [
        [B, H, L, D],
        [B, H, S, D],
        [B, H, S, 6],
      ],
    },
    B * H * L * S * (D + 6),
  ],
  [
    'attention of groups, packed, with a past of 2',
    {
      op: 'Attention',
      inputs: [[B, L, 4 * D], [B, S, 2 * D], [B, S, 2 * D], null, [B, 2, 2, D], [B, 2, 2, D]],
      attributes: { q_num_heads: int(4), kv_num_heads: int(2) },
      outputs: 3,
    },
    B * 4 * L * (S + 2) * 2 * D,
  ],
  [
    'GroupQueryAttention of 9 keys',
    {
      op: 'GroupQueryAttention',
      domain: 'com.microsoft',
      inputs: [
        ...[[B, L, 4 * D], [B, L, 2 * D], [B, L, 2 * D], null, null],
        ...[{ dtype: 'int32', dims: [B], data: Int32Array.of(8, 8) } as Tensor],
        { dtype: 'int32', dims: [], data: Int32Array.of(9) },
      ],
      attributes: { num_heads: int(4), kv_num_heads: int(2) },
      outputs: 3,
    },
    B * 4 * L * 9 * 2 * D,
  ],
  [
    'FusedMatMul with a transposed factor',
    {
      op: 'FusedMatMul',
      domain: 'com.microsoft',
      inputs: [[2, 4, 3], zeros(4, 5)],
      attributes: { transA: int(1), alpha: float(0.5) },
    },
    2 * 3 * 4 * 5,
  ],
  [
    'a linear classifier of scikit-learn',
    {
      op: 'LinearClassifier',
      domain: 'ai.onnx.ml',
      inputs: [[6, 4]],
      attributes: {
        coefficients: floats(new Array<number>(12).fill(1)),
        intercepts: floats([0, 0, 0]),
        classlabels_ints: ints([0, 1, 2]),
      },
      outputs: 2,
    },
    6 * 4 * 3,
  ],
  [
    // Each of 6 rows meets 5 vectors of 4 numbers, and the 5 products then their coefficients.
    'a support vector regression',
    {
      op: 'SVMRegressor',
      domain: 'ai.onnx.ml',
      inputs: [[6, 4]],
      attributes: { support_vectors: floats(new Array<number>(20).fill(1)), coefficients: floats([1, 1, 1, 1, 1]) },
    },
    6 * (5 * 4 + 5),
  ],
];

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

/** A graph of one product with a weight of its own, [2, 4] times [4, columns]; `x` is seen from outside or an input. */
function body(columns: number, inputs: (b: GraphBuilder) => void = () => undefined, outer = 'x') {
  const b = new GraphBuilder();
  inputs(b);
  const y = b.node('MatMul', [outer, b.constant(zeros(4, columns), `w${columns}`)], {}, 1, { name: `fc${columns}` });
  return { b, y };
}

function branch(columns: number): ReturnType<typeof graphAttr> {
  const { b, y } = body(columns);
  b.output(y, 'float32', [2, columns]);
  return graphAttr(b.graph);
}

describe('what runs inside of nodes', () => {
  it('has its parameters counted, and of two branches the larger work', () => {
    const file = new URL('cases/params_in_branches.onnx', import.meta.url);
    const summary = summarize(decodeModel(readFileSync(file)));
    // Two branches with a product each, by a weight of 128 elements.
    expect([summary.parameters, summary.macs, summary.unknown]).toEqual([256, 128, []]);

    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 4]);
    const condition = b.input('c', 'bool', []);
    const attributes = { then_branch: branch(3), else_branch: branch(7) };
    b.output(b.node('If', [condition], attributes, 1, { name: 'choice' }), null, null);
    const chosen = summarize(b.build());
    expect([chosen.parameters, chosen.weightBytes, chosen.macs]).toEqual([12 + 28, 160, 2 * 4 * 7]);
    expect(chosen.layers[0]!.note).toBe('the larger branch');
  });

  const loop = (trips: Tensor | null): Model => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 4]);
    const limit = trips ? b.constant(trips) : b.input('n', 'int64', []);
    const { b: inner, y } = body(
      4,
      (g) => {
        for (const [name, type] of [
          ['i', 'int64'],
          ['go', 'bool'],
        ] as const)
          g.input(name, type, []);
        g.input('state', 'float32', [2, 4]);
      },
      'state',
    );
    inner.output(inner.node('Identity', ['go']), 'bool', []);
    inner.output(y, 'float32', [2, 4]);
    b.output(b.node('Loop', [limit, '', 'x'], { body: graphAttr(inner.graph) }, 1, { name: 'again' }), null, null);
    return b.build();
  };

  it('counts for every trip of a loop, when their number is known', () => {
    expect(summarize(loop(int64([], [5])))).toMatchObject({ macs: 5 * 2 * 4 * 4, parameters: 16, unknown: [] });
    const many = summarize(loop(int64([], [1000])));
    expect([many.macs, many.layers[0]!.note]).toEqual([1000 * 2 * 4 * 4, '1000 times the body']);
    const open = summarize(loop(null));
    expect([open.macs, open.parameters]).toEqual([null, 16]);
    expect(open.unknown).toEqual([{ node: 'again', reason: 'how often its body runs depends on values' }]);
  });

  it('counts for every slice of a Scan', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['steps', 2, 4]);
    const { b: inner, y } = body(3, (g) => void g.input('slice', 'float32', [2, 4]), 'slice');
    inner.output(y, 'float32', [2, 3]);
    b.output(b.node('Scan', [x], { body: graphAttr(inner.graph), num_scan_inputs: int(1) }), null, null);
    expect(summarize(b.build(), { steps: 6 })).toMatchObject({ macs: 6 * 2 * 4 * 3, parameters: 12, unknown: [] });
  });

  it('counts in a function for each call, its weight once', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 4]);
    const call = (value: string): string => b.node('Layer', [value], {}, 1, { domain: 'local' });
    b.output(call(call(x)), null, null);
    const model = b.build({ opsets: { local: 1 } });
    const inner = new GraphBuilder();
    inner.input('v', 'float32', [2, 4]);
    const w = inner.node('Constant', [], { value: { kind: 'tensor', value: { name: '', value: zeros(4, 4) } } });
    const y = inner.node('MatMul', ['v', w]);
    const layer: FunctionBody = {
      ...{ domain: 'local', name: 'Layer', inputs: ['v'], outputs: [y], attributes: [] },
      nodes: inner.graph.nodes,
      opsets: new Map([['', 21]]),
    };
    const summary = summarize({ ...model, functions: [layer] });
    expect([summary.macs, summary.parameters, summary.unknown]).toEqual([2 * 2 * 4 * 4, 16, []]);
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
