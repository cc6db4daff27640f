/** Rows of matrix products, normalisations, reductions, losses and recurrent layers. */
import { attrInt, attrInts, attrString } from '../attributes.js';
import type { Dim } from '../ir.js';
import type { DataType } from '../tensor.js';
import { mapDim, mergeDim, unknownShape, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

/** numpy.matmul: the last two dimensions multiply, those before broadcast. */
export function product(f: NodeFacts, a: Shape | null, b: Shape | null): Shape | null {
  if (!a || !b) return null;
  if (a.length === 0 || b.length === 0) f.fail('a factor is a scalar');
  const left = a.length === 1 ? [1, a[0]!] : a;
  const right = b.length === 1 ? [b[0]!, 1] : b;
  if (!mergeDim(left.at(-1)!, right.at(-2)!)) f.fail(`inner sizes ${left.at(-1)} and ${right.at(-2)} differ`);
  const batch = f.broadcast([left.slice(0, -2), right.slice(0, -2)])!;
  const rows = a.length === 1 ? [] : [left.at(-2)!];
  const columns = b.length === 1 ? [] : [right.at(-1)!];
  return [...batch, ...rows, ...columns];
}

export const matMul: Row = (f) => [tensorType(f.dtype(0), product(f, f.shape(0), f.shape(1)))];
export const matMulInteger: Row = (f) => [tensorType('int32', product(f, f.shape(0), f.shape(1)))];
export const qlinearMatMul: Row = (f) => [tensorType(f.dtype(7), product(f, f.shape(0), f.shape(3)))];

export const gemm: Row = (f) => {
  const [a, b] = [f.shape(0), f.shape(1)];
  if ((a && a.length !== 2) || (b && b.length !== 2)) f.fail('A and B must be matrices');
  const [ta, tb] = [attrInt(f.node, 'transA', 0), attrInt(f.node, 'transB', 0)];
  if (a && b && !mergeDim(a[ta ? 0 : 1]!, b[tb ? 1 : 0]!)) {
    f.fail(`inner sizes ${a[ta ? 0 : 1]} and ${b[tb ? 1 : 0]} differ`);
  }
  return [tensorType(f.dtype(0), [a?.[ta ? 1 : 0] ?? null, b?.[tb ? 0 : 1] ?? null])];
};

/** BatchNormalization: Y, then running mean and variance in training mode (versions before 14 add saved ones). */
export const batchNorm: Row = (f) => {
  const statistics = tensorType(f.dtype(3), f.shape(3));
  return [f.type(0), statistics, statistics, statistics, statistics];
};

/** LayerNormalization: Y, and mean and inverse deviation with the normalised axes reduced to 1. */
export const layerNorm: Row = (f) => {
  const x = f.shape(0);
  const axis = x && f.axis(attrInt(f.node, 'axis', -1), x.length);
  const stash = attrInt(f.node, 'stash_type', 1) === 1 ? 'float32' : f.dtype(0);
  const reduced = tensorType(stash, x && x.map((d, i) => (i < axis! ? d : 1)));
  return [f.type(0), reduced, reduced];
};

/** Det of square matrices, batched. */
export const determinant: Row = (f) => [tensorType(f.dtype(0), f.shape(0)?.slice(0, -2) ?? null)];

function reduced(x: Shape, axes: readonly number[], keep: boolean): Shape {
  return x.flatMap((d, i): Dim[] => (axes.includes(i) ? (keep ? [1] : []) : [d]));
}

/** Reduce*: axes as an attribute in old versions, as input 1 in new ones; none is all, unless that is a no-op. */
export const reduce: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), null)];
  const keep = attrInt(f.node, 'keepdims', 1) === 1;
  const asInput = f.has(1);
  const given = asInput ? f.numbers(1) : attrInts(f.node, 'axes', []);
  if (given === null) {
    const count = f.shape(1)?.[0];
    return [tensorType(f.dtype(0), unknownShape(keep ? x.length : mapDim(count, (n) => x.length - n)))];
  }
  if (given.length === 0 && attrInt(f.node, 'noop_with_empty_axes', 0) === 1) return [f.type(0)];
  const axes = given.length === 0 ? x.map((_, i) => i) : given.map((a) => f.axis(a, x.length));
  return [tensorType(f.dtype(0), reduced(x, axes, keep))];
};

/** The shape of a reduction whose axes, if any, are an attribute. */
export function reduceAxes(f: NodeFacts): Shape | null {
  const x = f.shape(0);
  const axes = attrInts(f.node, 'axes', []).map((a) => f.axis(a, x?.length ?? Infinity));
  const all = axes.length === 0 ? x?.map((_, i) => i) : axes;
  return x && reduced(x, all!, attrInt(f.node, 'keepdims', 1) === 1);
}

export const argReduce: Row = (f) => {
  const x = f.shape(0);
  const axis = x && f.axis(attrInt(f.node, 'axis', 0), x.length);
  return [tensorType('int64', x && reduced(x, [axis!], attrInt(f.node, 'keepdims', 1) === 1))];
};

/** SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss; the second output is the log probabilities. */
export const loss: Row = (f) => {
  const none = attrString(f.node, 'reduction', 'mean') === 'none';
  return [tensorType(f.dtype(0), none ? f.shape(1) : []), f.type(0)];
};

/** RNN, GRU, LSTM: Y [T, directions, N, hidden], Y_h and Y_c [directions, N, hidden]; layout 1 puts N first. */
export const recurrent: Row = (f) => {
  const dtype: DataType | null = f.dtype(0);
  const batchFirst = attrInt(f.node, 'layout', 0) === 1;
  const [first, second] = f.ranked(0, 3) as [Dim, Dim];
  const [steps, batch] = batchFirst ? [second, first] : [first, second];
  const directions = attrString(f.node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const recurrence = f.ranked(2, 3);
  const hidden: Dim = attrInt(f.node, 'hidden_size', 0) || recurrence[2]!;
  const state: Shape = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const all: Shape = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  return [tensorType(dtype, all), tensorType(dtype, state), tensorType(dtype, state)];
};

/** Einsum: the sizes of the letters of the output term, an ellipsis broadcast. */
export const einsum: Row = (f) => {
  const equation = attrString(f.node, 'equation').replace(/\s/g, '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  const sizes = new Map<string, Dim>();
  const ellipses: Shape[] = [];
  for (const [i, term] of terms.entries()) {
    const shape = f.shape(i);
    if (!shape) return [tensorType(f.dtype(0), null)];
    const [before = '', after = ''] = term.split('...');
    const hidden = term.includes('...') ? shape.length - before.length - after.length : 0;
    if (hidden < 0 || before.length + after.length + hidden !== shape.length)
      f.fail(`${term} does not fit rank ${shape.length}`);
    ellipses.push(shape.slice(before.length, before.length + hidden));
    const letters = [...before, ...after];
    const dims = [...shape.slice(0, before.length), ...shape.slice(before.length + hidden)];
    letters.forEach((c, at) => sizes.set(c, mergeDim(sizes.get(c) ?? null, dims[at]!)?.dim ?? dims[at]!));
  }
  const count = (c: string): number => [...left].filter((l) => l === c).length;
  const implicit = [...sizes.keys()].filter((c) => count(c) === 1).sort();
  const output = right ?? (left.includes('...') ? '...' : '') + implicit.join('');
  const [before = '', after = ''] = output.split('...');
  const dim = (c: string): Dim => sizes.get(c) ?? null;
  const middle = output.includes('...') ? f.broadcast(ellipses)! : [];
  return [tensorType(f.dtype(0), [...[...before].map(dim), ...middle, ...[...after].map(dim)])];
};
