import { describe, expect, it } from 'vitest';
import { attrFloat, int, ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Dim, Model } from '../../ir.js';
import { float32, int64 } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { nameOutputs } from '../name-outputs.js';
import type { Rule } from '../rewrite.js';
import { attentionFromParts } from './attention-from-parts.js';
import { mergeReshapes } from './merge-reshapes.js';
import { projectedAttention } from './projected-attention.js';
import { removeNoOp } from './remove-no-op.js';

const [LENGTH, HEADS, SIZE] = [5, 2, 4];
const WIDTH = HEADS * SIZE;
const NEAR = { absolute: 1e-6, relative: 5e-6 };

type Projecting = 'three' | 'packed' | 'columns' | 'rows' | 'length-first' | 'length-first-packed';
interface Spelling {
  readonly opset?: number;
  readonly shape?: readonly Dim[];
  readonly project?: Projecting;
  /** How the parts of one projection come apart. */
  readonly apart?: 'gather' | 'split';
  readonly scale?: 'scores' | 'division' | 'query' | 'both' | 'projection' | 'none';
  readonly mask?: readonly number[] | 'first';
  readonly bias?: boolean;
  readonly keys?: 'turned' | 'turned-again' | 'made-last';
  readonly axis?: number;
  readonly perm?: readonly number[];
  /** What else the graph does with a value of the attention. */
  readonly also?: (b: GraphBuilder, at: { x: string; q: string; scores: string; weights: string }, y: string) => string;
  readonly valueScale?: number;
  readonly factor?: number;
  readonly joined?: readonly number[];
}

const scalar = (b: GraphBuilder, v: number): string => b.constant(float32([], [v]));
const shaped = (b: GraphBuilder, x: string, to: readonly number[]): string =>
  b.node('Reshape', [x, b.constant(int64([to.length], [...to]))]);
const moved = (b: GraphBuilder, x: string, perm: readonly number[]): string =>
  b.node('Transpose', [x], { perm: ints(perm) });

/** Queries, keys and values [batch, heads, length, size], the keys with their last axes exchanged where that is said. */
function heads(b: GraphBuilder, x: string, s: Spelling): [string, string, string] {
  const { project = 'three', bias = true } = s;
  let seed = 10;
  const row = (n: number): string => b.constant(randomTensor([n], seed++));
  const linear = (n: number): string => {
    const product = b.node('MatMul', [x, b.constant(randomTensor([WIDTH, n], seed++))]);
    const whole = bias ? b.node('Add', n === WIDTH ? [row(n), product] : [product, row(n)]) : product;
    return s.scale === 'projection' && seed < 13 ? b.node('Mul', [whole, scalar(b, 0.3)]) : whole;
  };
  const keyPerm = s.keys === 'turned-again' ? [0, 2, 1, 3] : [0, 2, 3, 1];
  const last = (k: string): string => (s.keys === 'turned-again' ? moved(b, k, [0, 1, 3, 2]) : k);
  if (project === 'packed') {
    const all = moved(b, shaped(b, linear(3 * WIDTH), [0, 0, 3, HEADS, SIZE]), [2, 0, 3, 1, 4]);
    const split =
      s.apart === 'split' ? b.node('Split', [all, b.constant(int64([3], [1, 1, 1]))], { axis: int(0) }, 3) : [];
    const part = (i: number): string =>
      s.apart === 'split'
        ? b.node('Squeeze', [split[i]!, b.constant(int64([1], [0]))])
        : b.node('Gather', [all, b.constant(int64([], [i]))], { axis: int(0) });
    return [part(0), moved(b, part(1), [0, 1, 3, 2]), part(2)];
  }
  const split = (v: string, perm: readonly number[]): string => moved(b, shaped(b, v, [0, 0, HEADS, SIZE]), perm);
  if (project === 'columns') {
    const sizes = b.constant(int64([3], [WIDTH, WIDTH, WIDTH]));
    const parts = b.node('Split', [linear(3 * WIDTH), sizes], { axis: int(2) }, 3);
    return [split(parts[0]!, [0, 2, 1, 3]), last(split(parts[1]!, keyPerm)), split(parts[2]!, [0, 2, 1, 3])];
  }
  if (project === 'rows') {
    const rows = shaped(b, x, [-1, WIDTH]);
    const gemm = (): string =>
      b.node('Gemm', [rows, b.constant(randomTensor([WIDTH, WIDTH], seed++)), row(WIDTH)], { transB: int(1) });
    const of = (perm: readonly number[]): string => moved(b, shaped(b, gemm(), [-1, LENGTH, HEADS, SIZE]), perm);
    return [of([0, 2, 1, 3]), last(of(keyPerm)), of([0, 2, 1, 3])];
  }
  if (project === 'length-first') {
    const of = (perm: readonly number[]): string => split(linear(WIDTH), perm);
    const late = (): string => shaped(b, moved(b, linear(WIDTH), [1, 2, 0]), [0, HEADS, SIZE, LENGTH]);
    return [of([1, 2, 0, 3]), s.keys === 'made-last' ? late() : of([1, 2, 3, 0]), of([1, 2, 0, 3])];
  }
  if (project === 'length-first-packed') {
    const all = moved(b, shaped(b, linear(3 * WIDTH), [0, 0, 3, WIDTH]), [2, 0, 1, 3]);
    const part = (i: number, perm: readonly number[]): string =>
      split(b.node('Gather', [all, b.constant(int64([], [i]))], { axis: int(0) }), perm);
    return [part(0, [1, 2, 0, 3]), part(1, [1, 2, 3, 0]), part(2, [1, 2, 0, 3])];
  }
  return [
    split(linear(WIDTH), s.perm ?? [0, 2, 1, 3]),
    last(split(linear(WIDTH), keyPerm)),
    split(linear(WIDTH), [0, 2, 1, 3]),
  ];
}

function attention(s: Spelling = {}): Model {
  const { scale = 'scores', mask, opset = 23 } = s;
  const body = (b: GraphBuilder, x: string): string => {
    let [q, k, v] = heads(b, x, s);
    const root = Math.sqrt(Math.sqrt(1 / SIZE));
    if (scale === 'query') q = b.node('Div', [q, scalar(b, 2)]);
    if (scale === 'both') [q, k] = [b.node('Mul', [q, scalar(b, root)]), b.node('Mul', [scalar(b, root), k])];
    if (s.valueScale) v = b.node('Mul', [v, scalar(b, s.valueScale)]);
    let scores = b.node('MatMul', [q, k]);
    if (scale === 'scores') scores = b.node('Mul', [scores, scalar(b, s.factor ?? 0.7)]);
    if (scale === 'division') scores = b.node('Div', [scores, scalar(b, 2)]);
    const bare = scores;
    if (mask) {
      const added = b.constant(randomTensor(mask === 'first' ? [1, 1, LENGTH, LENGTH] : mask, 40));
      scores = b.node('Add', mask === 'first' ? [added, scores] : [scores, added]);
    }
    const weights = b.node('Softmax', [scores], { axis: int(s.axis ?? -1) });
    const lengthFirst = s.project?.startsWith('length-first') ?? false;
    const seen = moved(b, b.node('MatMul', [weights, v]), s.joined ?? (lengthFirst ? [2, 0, 1, 3] : [0, 2, 1, 3]));
    const y = shaped(b, seen, [0, 0, WIDTH]);
    return s.also ? s.also(b, { x, q, scores: bare, weights }, y) : y;
  };
  return network(s.shape ?? ['batch', LENGTH, WIDTH], body, { opset, opsets: { 'com.microsoft': 1 } });
}

/** Transposes of sequences that have the length first, and of the result. */
const moves = ({ project }: Spelling): number =>
  ({ 'length-first': 4, 'length-first-packed': 2 })[project as string] ?? 0;

/** The model as a rule leaves it, without the Reshapes that move nothing. */
const fused = (model: Model, rule: Rule): Model =>
  nameOutputs(rewritten(rewritten(model, [rule]).model, [mergeReshapes, removeNoOp]).model).model;

const SPELLINGS: readonly Spelling[] = [
  {},
  { mask: [1, 1, LENGTH, LENGTH], scale: 'query' },
  { mask: 'first', scale: 'both', keys: 'turned-again' },
  { mask: [1, HEADS, LENGTH, LENGTH], project: 'packed' },
  { project: 'packed', apart: 'split', scale: 'division' },
  { project: 'columns', scale: 'none', bias: false },
  { project: 'rows' },
  { scale: 'projection' },
  { shape: [3, 'length', WIDTH] },
  { axis: 3 },
  { project: 'length-first', shape: [LENGTH, 'batch', WIDTH], mask: [1, 1, LENGTH, LENGTH] },
  { project: 'length-first', keys: 'made-last', shape: [LENGTH, 'batch', WIDTH] },
  { project: 'length-first-packed', shape: [LENGTH, 'batch', WIDTH], scale: 'both' },
];

const MISSES: readonly (readonly [string, Spelling, RegExp])[] = [
  ['a Softmax over other values', { axis: 1 }, /not over the keys/],
  ['a mask of other rows', { mask: [LENGTH] }, /the mask is not known/],
  ['a mask that has one row for all queries', { mask: [1, 1, 1, LENGTH] }, /the mask is not known/],
  ['values that are scaled', { valueScale: 2 }, /values are scaled/],
  ['a scale below 0', { factor: -0.7 }, /no number above 0/],
  ['heads in another order', { perm: [0, 2, 3, 1], shape: ['batch', SIZE, WIDTH] }, /no scaled product of heads/],
  [
    'weights that are read',
    { also: (b, at, y) => b.node('Add', [y, b.node('ReduceSum', [at.weights])]) },
    /read elsewhere/,
  ],
  ['scores that are given', { also: (b, at, y) => (b.output(at.scores, null, null), y) }, /read elsewhere/],
];

describe('attention-from-parts', () => {
  it.each(SPELLINGS)('%o', async (spelling) => {
    const model = attention(spelling);
    const result = fused(model, attentionFromParts);
    expect(ops(result).filter((op) => op === 'Attention' || op === 'Softmax')).toEqual(['Attention']);
    expect(ops(result).filter((op) => op === 'Transpose')).toHaveLength(moves(spelling));
    await expectSameNumbers(model, result, NEAR, { dims: { batch: 3, length: 6 } });
  });

  it('takes scales of queries, keys and scores together', () => {
    const both = rewritten(attention({ scale: 'both' }), [attentionFromParts]).model;
    expect(
      attrFloat(
        both.graph.nodes.find((n) => n.op === 'Attention')!,
        'scale',
      ),
    ).toBeCloseTo(0.5, 6);
  });

  it.each([...MISSES, ['a lower operator set', { opset: 22 }, /operator set 22/] as const])(
    'leaves %s',
    (_, spelling, reason) => {
      const { fired, declined } = rewritten(attention(spelling), [attentionFromParts]);
      expect(fired).toEqual([]);
      expect(declined.map((d) => d.reason).join()).toMatch(reason);
    },
  );

  it('takes queries of other lengths than the keys, and leaves a batch that is stretched', async () => {
    const crossed = (batch: number): Model =>
      network(
        [2, 3, WIDTH],
        (b, x) => {
          const other = b.constant(randomTensor([batch, LENGTH, WIDTH], 3));
          const split = (v: string, perm: readonly number[]): string =>
            moved(b, shaped(b, v, [0, 0, HEADS, SIZE]), perm);
          const scores = b.node('MatMul', [split(x, [0, 2, 1, 3]), split(b.node('Abs', [other]), [0, 2, 3, 1])]);
          const seen = b.node('MatMul', [b.node('Softmax', [scores]), split(b.node('Neg', [other]), [0, 2, 1, 3])]);
          return shaped(b, moved(b, seen, [0, 2, 1, 3]), [0, 0, WIDTH]);
        },
        { opset: 23 },
      );
    const result = fused(crossed(2), attentionFromParts);
    expect(ops(result)).toEqual(['Abs', 'Neg', 'Attention']);
    await expectSameNumbers(crossed(2), result, NEAR);
    expect(rewritten(crossed(1), [attentionFromParts]).declined[0]!.reason).toMatch(/of one batch/);
  });
});

describe('projected-attention', () => {
  it.each(SPELLINGS)('%o', async (spelling) => {
    const model = attention({ ...spelling, opset: 17 });
    const result = fused(model, projectedAttention);
    // Rows that were a batch before are one again.
    const views = spelling.project === 'rows' ? 1 : 0;
    expect(ops(result).filter((op) => op === 'Attention')).toHaveLength(1);
    expect(ops(result)).toHaveLength(1 + views + Math.min(2, moves(spelling)));
    await expectSameNumbers(model, result, NEAR, { dims: { batch: 3, length: 6 } });
  });

  it.each<readonly [string, Spelling, RegExp]>([
    ...MISSES,
    ['an operator set that has Attention', { opset: 23 }, /the default domain has Attention/],
    [
      'a projection that is read',
      { also: (b, at, y) => b.node('Add', [y, b.node('ReduceSum', [at.q])]) },
      /a projection is read/,
    ],
    ['a projection that is given', { also: (b, at, y) => (b.output(at.q, null, null), y) }, /a projection is read/],
  ])('leaves %s', (_, spelling, reason) => {
    const { fired, declined } = rewritten(attention({ opset: 17, ...spelling }), [projectedAttention]);
    expect(fired).toEqual([]);
    expect(declined.map((d) => d.reason).join()).toMatch(reason);
  });

  it('leaves projections of different values, and weights that are computed', () => {
    const build = (computed: boolean): Model =>
      network(
        ['batch', LENGTH, WIDTH],
        (b, x) => {
          const y = computed ? x : b.node('Relu', [x]);
          const weight = b.constant(randomTensor([WIDTH, WIDTH], 1));
          const linear = (v: string): string => b.node('MatMul', [v, computed ? b.node('Neg', [weight]) : weight]);
          const split = (v: string, perm: readonly number[]): string =>
            moved(b, shaped(b, v, [0, 0, HEADS, SIZE]), perm);
          const scores = b.node('MatMul', [split(linear(x), [0, 2, 1, 3]), split(linear(y), [0, 2, 3, 1])]);
          const seen = b.node('MatMul', [b.node('Softmax', [scores]), split(linear(y), [0, 2, 1, 3])]);
          return shaped(b, moved(b, seen, [0, 2, 1, 3]), [0, 0, WIDTH]);
        },
        { opset: 17 },
      );
    const reasons = [false, true].map(
      (computed) => rewritten(build(computed), [projectedAttention]).declined[0]!.reason,
    );
    expect(reasons[0]).toMatch(/projections of different values/);
    expect(reasons[1]).toMatch(/no product with a constant/);
  });
});
