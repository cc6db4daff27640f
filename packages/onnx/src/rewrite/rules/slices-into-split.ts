import { int, ints } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { shapeOf } from './constants.js';
import { partsOf } from './slice-parts.js';

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

/** What a Slice takes of one axis of known size, in steps of 1; null for others. */
function rangeOf(node: Node, view: GraphView): Range | null {
  const shape = shapeOf(view, node.inputs[0]);
  const parts = partsOf(node, view);
  if (!shape || parts?.axes.length !== 1 || parts.steps[0] !== 1) return null;
  const axis = parts.axes[0]! < 0 ? parts.axes[0]! + shape.length : parts.axes[0]!;
  const size = shape[axis];
  if (typeof size !== 'number') return null;
  const clamped = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  return { axis, start: clamped(parts.starts[0]!), end: clamped(parts.ends[0]!) };
}

/** The sizes of the pieces that the Slices of a value cut its axis into, and which of them this one is. */
function piecesOf(match: Match): { axis: number; sizes: number[]; index: number } | null {
  const { view, root } = match;
  const own = rangeOf(root, view);
  const size = own && shapeOf(view, match.value('x'))![own.axis];
  if (!own) return null;
  const cuts = view.users(match.value('x')).flatMap((node) => {
    const range = node.op === 'Slice' && node.domain === '' ? rangeOf(node, view) : null;
    return range?.axis === own.axis && !view.isOutput(node.outputs[0]!) ? [range] : [];
  });
  cuts.sort((a, b) => a.start - b.start);
  const apart = cuts.every(({ start, end }, i) => end > start && start === (cuts[i - 1]?.end ?? 0));
  if (cuts.length < 2 || !apart || cuts.at(-1)!.end !== size || view.isOutput(root.outputs[0]!)) return null;
  const sizes = cuts.map(({ start, end }) => end - start);
  return { axis: own.axis, sizes, index: cuts.findIndex(({ start }) => start === own.start) };
}

/** Slices that cut a whole axis into pieces -> one Split. Each Slice becomes a piece of a Split; equal Splits become one. */
export const slicesIntoSplit: Rule = {
  name: 'slices-into-split',
  pattern: opPattern('Slice', [valuePattern('x')], 'slice'),
  check: (match) => (piecesOf(match) ? ACCEPT : decline('the slices of its input are not known to cut up an axis')),
  rewrite(match, builder) {
    const { axis, sizes, index } = piecesOf(match)!;
    const x = match.value('x');
    // Split-13 takes the sizes as an input.
    if (match.view.opset < 13) {
      return builder.node('Split', [x], { axis: int(axis), split: ints(sizes) }, sizes.length)[index]!;
    }
    const stored = builder.constant(int64([sizes.length], sizes), 'split');
    return builder.node('Split', [x, stored], { axis: int(axis) }, sizes.length)[index]!;
  },
};
