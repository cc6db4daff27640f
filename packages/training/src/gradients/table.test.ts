import { describe, expect, it } from 'vitest';
import {
  elementCount,
  float,
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  str,
  type Attribute,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { Random } from '../random.js';
import { gradientErrors } from './central-differences.js';
import type { Mode } from './row.js';
import { differentiableOps, gradientRow, type DifferentiableOp } from './table.js';

type Draw = (random: Random, count: number) => Float32Array;

const uniform =
  (low: number, high: number): Draw =>
  (r, n) =>
    Float32Array.from({ length: n }, () => r.uniform(low, high));
/** Multiples of 0.3, shuffled and moved off 0: no two values and no kink at a multiple of 0.3 within reach of a step. */
const spaced: Draw = (r, n) => Float32Array.from(r.permutation(n), (i) => (i - Math.floor(n / 2)) * 0.3 + 0.14);
const smooth = uniform(-1.5, 1.5);
const positive = uniform(0.5, 2);

interface Case {
  readonly op: DifferentiableOp;
  readonly text?: string;
  /** Float inputs that are moved: shape, and how values are drawn. null is an absent optional input. */
  readonly inputs: readonly (readonly [readonly number[], Draw] | Tensor | null)[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly mode?: Mode;
  readonly outputs?: number;
  readonly tolerance?: number;
  /** Inputs without a gradient, by index. */
  readonly fixed?: readonly number[];
}

const list = (...values: number[]): Tensor => int64([values.length], values);
const unary = (op: DifferentiableOp, draw: Draw = smooth, attributes = {}): Case => ({
  op,
  inputs: [[[3, 4], draw]],
  attributes,
});
const binary = (op: DifferentiableOp, b: Draw = smooth): Case[] => [
  {
    op,
    text: 'same shape',
    inputs: [
      [[2, 3], positive],
      [[2, 3], b],
    ],
  },
  {
    op,
    text: 'broadcast both ways',
    inputs: [
      [[2, 1, 3], positive],
      [[4, 1], b],
    ],
  },
];
const conv = (text: string, x: number[], w: number[], attributes: Record<string, Attribute>, bias = false): Case => ({
  op: 'Conv',
  text,
  attributes,
  inputs: [[x, smooth], [w, smooth], ...(bias ? ([[[w[0]!], smooth]] as const) : [])],
});
const pool = (op: DifferentiableOp, text: string, x: number[], attributes: Record<string, Attribute>): Case => ({
  op,
  text,
  attributes,
  inputs: [[x, spaced]],
});
const norm = (text: string, x: number[], mode: Mode): Case => ({
  op: 'BatchNormalization',
  text,
  mode,
  fixed: [3, 4],
  inputs: [
    [x, smooth],
    [[x[1]!], smooth],
    [[x[1]!], smooth],
    [[x[1]!], smooth],
    [[x[1]!], positive],
  ],
});

const cases: readonly Case[] = [
  ...binary('Add'),
  ...binary('Sub'),
  ...binary('Mul'),
  ...binary('Div', positive),
  ...binary('Pow'),
  {
    op: 'Max',
    inputs: [
      [[3, 4], spaced],
      [[4], (r, n) => spaced(r, n).map((v) => v + 0.15)],
    ],
  },
  {
    op: 'Min',
    inputs: [
      [[3, 4], spaced],
      [[4], (r, n) => spaced(r, n).map((v) => v + 0.15)],
    ],
  },
  unary('Abs', spaced),
  unary('Neg'),
  unary('Exp'),
  unary('Log', positive),
  unary('Sqrt', positive),
  unary('Reciprocal', positive),
  unary('Sigmoid'),
  unary('Tanh'),
  unary('Softplus'),
  unary('Erf'),
  unary('Identity'),
  unary('Relu', spaced),
  unary('LeakyRelu', spaced, { alpha: float(0.2) }),
  unary('HardSigmoid', spaced),
  unary('HardSwish', (r, n) => spaced(r, n).map((v) => v * 2)),
  unary('Cast', smooth, { to: int(1) }),
  { op: 'Clip', inputs: [[[3, 4], spaced], float32([], [-0.6]), float32([], [0.9])] },
  { op: 'Clip', text: 'no upper bound', inputs: [[[3, 4], spaced], float32([], [0])] },
  {
    op: 'Where',
    inputs: [{ dtype: 'bool', dims: [3, 1], data: Uint8Array.of(1, 0, 1) }, [[3, 4], smooth], [[4], smooth]],
  },
  { op: 'Softmax', inputs: [[[3, 4], smooth]] },
  { op: 'Softmax', text: 'axis 1 of 3', inputs: [[[2, 3, 2], smooth]], attributes: { axis: int(1) } },
  { op: 'LogSoftmax', inputs: [[[3, 4], smooth]] },
  {
    op: 'MatMul',
    inputs: [
      [[3, 4], smooth],
      [[4, 2], smooth],
    ],
  },
  {
    op: 'MatMul',
    text: 'rows in a batch',
    inputs: [
      [[2, 3, 4], smooth],
      [[4, 2], smooth],
    ],
  },
  {
    op: 'MatMul',
    text: 'broadcast batch',
    inputs: [
      [[2, 1, 3, 4], smooth],
      [[3, 4, 2], smooth],
    ],
  },
  {
    op: 'MatMul',
    text: 'matrix and vector',
    inputs: [
      [[2, 3, 4], smooth],
      [[4], smooth],
    ],
  },
  {
    op: 'MatMul',
    text: 'vector and matrix',
    inputs: [
      [[4], smooth],
      [[4, 2], smooth],
    ],
  },
  ...[0, 1].flatMap((a) =>
    [0, 1].map((b): Case => ({
      op: 'Gemm',
      text: `transA ${a} transB ${b}`,
      inputs: [
        [a ? [4, 3] : [3, 4], smooth],
        [b ? [2, 4] : [4, 2], smooth],
        [[2], smooth],
      ],
      attributes: { alpha: float(0.7), beta: float(1.3), transA: int(a), transB: int(b) },
    })),
  ),
  conv('3x3 dense, im2col', [2, 2, 5, 5], [3, 2, 3, 3], { pads: ints([1, 1, 1, 1]) }, true),
  conv('3x3 dense, taps', [1, 5, 9, 9], [3, 5, 3, 3], { pads: ints([1, 1, 1, 1]) }, true),
  conv('3x3 dense, rows', [2, 8, 4, 4], [3, 8, 3, 3], { pads: ints([1, 1, 1, 1]) }),
  conv('rows, stride 2', [2, 8, 5, 6], [3, 8, 3, 3], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  conv('stride 2 with a remainder', [2, 5, 6, 6], [2, 5, 3, 3], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  conv('taps, stride 2 with a remainder', [2, 6, 6, 6], [4, 3, 3, 3], {
    group: int(2),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  conv('dilated, uneven pads', [1, 5, 6, 5], [2, 5, 3, 2], { dilations: ints([2, 1]), pads: ints([2, 1, 1, 0]) }),
  conv('tiny image', [3, 8, 2, 3], [4, 8, 3, 3], { pads: ints([1, 1, 1, 1]) }, true),
  conv('tiny output, stride 2', [2, 8, 4, 5], [4, 8, 3, 3], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  conv('tiny, dilated, uneven pads', [2, 8, 3, 2], [4, 8, 2, 2], { dilations: ints([2, 1]), pads: ints([1, 0, 1, 1]) }),
  conv('pointwise', [2, 5, 3, 3], [4, 5, 1, 1], {}, true),
  conv('pointwise stride 2', [2, 5, 5, 5], [4, 5, 1, 1], { strides: ints([2, 2]) }),
  conv('groups of two', [2, 4, 4, 4], [6, 2, 3, 3], { group: int(2), pads: ints([1, 1, 1, 1]) }),
  conv('depthwise, Toeplitz', [2, 3, 4, 5], [3, 1, 3, 3], { group: int(3), pads: ints([1, 1, 1, 1]) }, true),
  conv('depthwise, no pads, dilated', [2, 3, 5, 6], [3, 1, 2, 3], { group: int(3), dilations: ints([1, 2]) }),
  conv('depthwise stride 2', [2, 3, 6, 5], [3, 1, 3, 3], {
    group: int(3),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  conv('depthwise with multiplier', [2, 3, 4, 4], [6, 1, 3, 3], { group: int(3), pads: ints([1, 1, 1, 1]) }),
  conv('SAME_UPPER', [1, 5, 5, 5], [2, 5, 2, 2], { auto_pad: str('SAME_UPPER'), strides: ints([2, 2]) }),
  conv('one spatial axis', [2, 5, 6], [3, 5, 3], { pads: ints([1, 1]) }, true),
  conv('three spatial axes', [1, 2, 3, 3, 3], [2, 2, 2, 2, 2], {}),
  pool('MaxPool', 'tiling', [2, 2, 4, 4], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
  pool('MaxPool', 'overlapping, padded', [2, 2, 5, 5], {
    kernel_shape: ints([3, 3]),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  pool('MaxPool', 'with a remainder', [1, 2, 5, 5], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
  pool('AveragePool', 'tiling', [2, 2, 4, 4], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
  pool('AveragePool', 'overlapping, padded', [2, 2, 5, 5], {
    kernel_shape: ints([3, 3]),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  pool('AveragePool', 'pads counted', [1, 2, 4, 4], {
    kernel_shape: ints([3, 3]),
    pads: ints([1, 1, 1, 1]),
    count_include_pad: int(1),
  }),
  pool('AveragePool', 'ceil_mode', [1, 2, 5, 5], {
    kernel_shape: ints([2, 2]),
    strides: ints([2, 2]),
    ceil_mode: int(1),
  }),
  pool('AveragePool', 'with a remainder', [1, 2, 5, 5], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
  { op: 'GlobalAveragePool', inputs: [[[2, 3, 2, 3], smooth]] },
  norm('batch statistics', [4, 2, 2, 3], 'train'),
  norm('batch statistics, two axes', [6, 3], 'train'),
  norm('running statistics', [2, 2, 2, 3], 'eval'),
  { op: 'Dropout', mode: 'train', inputs: [[[4, 8], smooth], float32([], [0.4])] },
  { op: 'Dropout', text: 'in inference', mode: 'eval', inputs: [[[2, 3], smooth], float32([], [0.4])] },
  { op: 'Reshape', inputs: [[[2, 6], smooth], list(0, -1, 3)] },
  { op: 'Flatten', inputs: [[[2, 3, 2], smooth]] },
  { op: 'Squeeze', inputs: [[[2, 1, 3], smooth], list(1)] },
  { op: 'Unsqueeze', inputs: [[[2, 3], smooth], list(0, -1)] },
  { op: 'Expand', inputs: [[[2, 1, 3], smooth], list(4, 2, 2, 3)] },
  { op: 'Transpose', inputs: [[[2, 3, 4], smooth]], attributes: { perm: ints([2, 0, 1]) } },
  { op: 'Transpose', text: 'default', inputs: [[[2, 3], smooth]] },
  {
    op: 'Concat',
    inputs: [
      [[2, 1], smooth],
      [[2, 3], smooth],
    ],
    attributes: { axis: int(-1) },
  },
  { op: 'Split', inputs: [[[6, 2], smooth]], attributes: { axis: int(0), num_outputs: int(3) }, outputs: 3 },
  { op: 'Slice', inputs: [[[5, 4], smooth], list(1, 0), list(4, 99), list(0, 1), list(1, 2)] },
  { op: 'Slice', text: 'backwards', inputs: [[[5, 3], smooth], list(-1), list(-99), list(0), list(-2)] },
  { op: 'Slice', text: 'strided with a remainder', inputs: [[[8], smooth], list(1), list(8), list(0), list(3)] },
  { op: 'Pad', inputs: [[[2, 3], smooth], list(1, 0, 0, 2)] },
  { op: 'Pad', text: 'some axes', inputs: [[[2, 3], smooth], list(1, 2), float32([], [0.5]), list(-1)] },
  { op: 'Gather', inputs: [[[4, 3], smooth], int64([2, 2], [0, 2, 2, -1])] },
  { op: 'Gather', text: 'axis 1', inputs: [[[2, 4, 3], smooth], list(3, 1, 3)], attributes: { axis: int(1) } },
  {
    op: 'Gather',
    text: 'int32, scalar index',
    inputs: [[[4, 3], smooth], { dtype: 'int32', dims: [], data: Int32Array.of(2) }],
  },
  { op: 'ReduceSum', inputs: [[[2, 3, 4], smooth], list(0, -1)] },
  { op: 'ReduceSum', text: 'all axes, dropped', inputs: [[[2, 3], smooth]], attributes: { keepdims: int(0) } },
  { op: 'ReduceMean', inputs: [[[2, 3, 4], smooth], list(1)], attributes: { keepdims: int(0) } },
  { op: 'ReduceMax', inputs: [[[3, 4], spaced], list(1)] },
];

/** A model of one node; a Split is followed by the products that need all its outputs. */
function modelOf(c: Case): { model: Model; feeds: Record<string, Tensor>; wrt: string[] } {
  const b = new GraphBuilder();
  const random = new Random(5, c.op, c.text ?? '');
  const feeds: Record<string, Tensor> = {};
  const wrt: string[] = [];
  const names = c.inputs.map((input, i) => {
    if (input === null) return '';
    if ('dtype' in input) return b.initializer(`c${i}`, input);
    const [shape, draw] = input;
    feeds[`x${i}`] = float32(shape, draw(random, elementCount(shape)));
    if (!c.fixed?.includes(i)) wrt.push(`x${i}`);
    return b.input(`x${i}`, 'float32', shape);
  });
  let y: string;
  if (c.outputs) {
    const parts = b.node(c.op, names, c.attributes ?? {}, c.outputs);
    y = b.node('Mul', [parts[0]!, parts[2]!]);
  } else y = b.node(c.op, names, c.attributes);
  b.output(y, 'float32', null);
  if (c.op === 'Dropout' && c.mode === 'train') feeds['step.dropout_seed'] = int64([], [77]);
  return { model: b.build(), feeds, wrt };
}

describe('gradients against central differences', () => {
  for (const c of cases) {
    it(`${c.op}${c.text ? `: ${c.text}` : ''}`, async () => {
      const { model, feeds, wrt } = modelOf(c);
      const errors = await gradientErrors(model, createSession, { feeds, wrt, mode: c.mode });
      expect([...errors.keys()]).toEqual(wrt);
      for (const [name, error] of errors) expect(error, name).toBeLessThan(c.tolerance ?? 1e-4);
    });
  }

  it('covers every operator of the table', () => {
    expect([...new Set(cases.map((c) => c.op))].sort()).toEqual([...differentiableOps].sort());
  });

  it('has no row for foreign domains and unknown operators', () => {
    expect(gradientRow('com.microsoft', 'Conv')).toBeUndefined();
    expect(gradientRow('', 'NonMaxSuppression')).toBeUndefined();
  });
});
