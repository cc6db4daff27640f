import { ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Dim, Node } from '../../ir.js';
import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { reshapeTo, sameShape, shapeOf } from './constants.js';
import { movesOf, MOVING, sizeOf, type Factor, type Moves } from './layout.js';

type Shape = readonly Dim[];

/** Reshape by these numbers, or Transpose by this permutation. */
type Step = { readonly shape: readonly number[] } | { readonly perm: readonly number[] };

/** The nodes that lead to the root and do nothing but move, first to last, each read by the next alone. */
function chainTo(root: Node, view: GraphView): Node[] {
  const chain = [root];
  for (;;) {
    const value = chain[0]!.inputs[0] ?? '';
    const node = view.producer(value);
    const moves = node?.domain === '' && MOVING.includes(node.op);
    if (!moves || view.isOutput(value) || view.users(value).length > 1) return chain;
    chain.unshift(node);
  }
}

/** A Reshape, which is left out where the shape stays; null where it cannot be said. */
function reshape(from: Shape, to: Shape): Step[] | null {
  if (sameShape(from, to)) return [];
  const shape = reshapeTo(from, to);
  return shape && [{ shape }];
}

const transpose = (perm: readonly number[]): Step[] => (perm.every((axis, i) => axis === i) ? [] : [{ perm }]);

const joined = (...parts: (Step[] | null)[]): Step[] | null =>
  parts.every((part) => part !== null) ? parts.flat() : null;

/** Whether the factors lie beside each other, in this order, in a list. */
function together(factors: readonly Factor[], list: readonly Factor[]): boolean {
  const first = factors.length > 0 ? list.indexOf(factors[0]!) : 0;
  return factors.every((factor, i) => list[first + i] === factor);
}

/** Transpose the axes of the input, then Reshape. */
function transposeFirst({ order, axes }: Moves, from: Shape, to: Shape): Step[] | null {
  const flat = axes.flat();
  const of = from.map((_, axis) => order.filter((f) => f.axis === axis));
  if (!of.every((factors) => together(factors, flat))) return null;
  const units = [...from.keys()].filter((axis) => of[axis]!.length === 0);
  const moved = [...from.keys()].filter((axis) => of[axis]!.length > 0);
  moved.sort((a, b) => flat.indexOf(of[a]![0]!) - flat.indexOf(of[b]![0]!));
  // Axes of size 1 may go anywhere: where the output has them, so that the Reshape can be left out.
  const perm = to.flatMap((_, i) => (axes[i]!.length === 0 ? units.splice(0, 1) : moved.splice(0, 1)));
  perm.push(...moved, ...units);
  const between = perm.map((axis) => from[axis]!);
  return joined(transpose(perm), reshape(between, to));
}

/** Reshape to the axes of the output in another order, then Transpose. */
function reshapeFirst({ order, axes }: Moves, from: Shape, to: Shape): Step[] | null {
  if (!axes.every((factors) => together(factors, order))) return null;
  const place = (axis: number): number => (axes[axis]!.length === 0 ? -1 : order.indexOf(axes[axis]![0]!));
  const sorted = [...to.keys()].sort((a, b) => place(a) - place(b) || a - b);
  const between = sorted.map((axis) => to[axis]!);
  return joined(reshape(from, between), transpose([...to.keys()].map((axis) => sorted.indexOf(axis))));
}

/** Reshape to the blocks that move as one, Transpose, Reshape. */
function inBlocks({ order, axes }: Moves, from: Shape, to: Shape): Step[] | null {
  const blocks: Factor[][] = [];
  for (const factor of axes.flat()) {
    const last = blocks.at(-1);
    if (last && order.indexOf(factor) === order.indexOf(last.at(-1)!) + 1) last.push(factor);
    else blocks.push([factor]);
  }
  const sorted = [...blocks].sort((a, b) => order.indexOf(a[0]!) - order.indexOf(b[0]!));
  const [before, after] = [sorted.map(sizeOf), blocks.map(sizeOf)];
  const perm = blocks.map((block) => sorted.indexOf(block));
  return joined(reshape(from, before), transpose(perm), reshape(after, to));
}

/** The fewest steps that do the same. */
function stepsFor(nodes: readonly Node[], view: GraphView): Step[] | null {
  const [from, to] = [shapeOf(view, nodes[0]!.inputs[0]), shapeOf(view, nodes.at(-1)!.outputs[0])];
  const moves = movesOf(from, nodes, view);
  if (!from || !to || !moves) return null;
  const still = moves.axes.flat().every((factor, i) => factor === moves.order[i]);
  const ways = still
    ? [reshape(from, to)]
    : [transposeFirst, reshapeFirst, inBlocks].map((way) => way(moves, from, to));
  const found = ways.filter((way) => way !== null);
  return found.length > 0 ? found.reduce((best, way) => (way.length < best.length ? way : best)) : null;
}

/** The longest end of the chain that can be said in fewer nodes. */
function shorter(match: Match): { x: string; steps: Step[] } | null {
  const chain = chainTo(match.root, match.view);
  for (let first = 0; chain.length - first > 1; first++) {
    const nodes = chain.slice(first);
    const steps = stepsFor(nodes, match.view);
    if (steps && steps.length < nodes.length) return { x: nodes[0]!.inputs[0]!, steps };
  }
  return null;
}

function build(steps: readonly Step[], x: string, builder: GraphBuilder): string {
  return steps.reduce((value, step) => {
    if ('perm' in step) return builder.node('Transpose', [value], { perm: ints([...step.perm]) });
    const shape = builder.constant(int64([step.shape.length], [...step.shape]), 'shape');
    return builder.node('Reshape', [value, shape]);
  }, x);
}

const moving = MOVING.join('|');

/**
 * A chain of Reshape, Flatten, Squeeze, Unsqueeze and Transpose -> the fewest of Reshape, Transpose and Reshape that put every
 * element in the same place, where all shapes are known, up to sizes that stay whole.
 */
export const mergeMoves: Rule = {
  name: 'merge-moves',
  pattern: opPattern(moving, [opPattern(moving, [valuePattern('x')], 'before')], 'last'),
  check(match) {
    // Before operator set 5 Reshape had its shape as an attribute.
    if (match.view.opset < 5) return decline('the operator set is older than 5');
    return shorter(match) ? ACCEPT : decline('it cannot be said in fewer nodes');
  },
  rewrite(match, builder) {
    const { x, steps } = shorter(match)!;
    return build(steps, x, builder);
  },
};
