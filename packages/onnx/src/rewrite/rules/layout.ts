/**
 * What a chain of operators that move elements and compute nothing does: the axes of its input, cut into factors, and how
 * the axes of its output are made of them.
 */
import { attrInts } from '../../attributes.js';
import type { Dim, Node } from '../../ir.js';
import type { GraphView } from '../view.js';
import { shapeOf } from './constants.js';

type Shape = readonly Dim[];

/** A factor of an axis of the input; axes of size 1 have none. */
export interface Factor {
  readonly size: Dim;
  /** The axis of the input. */
  readonly axis: number;
}

export interface Moves {
  /** The factors in the order of the input. */
  readonly order: readonly Factor[];
  /** For each axis of the output its factors, in order. */
  readonly axes: readonly (readonly Factor[])[];
}

export const MOVING = ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose'];

/** What is left to be divided among axes: `order` is that of the input and follows where a factor is cut in two. */
interface Work {
  readonly order: Factor[];
  readonly rest: Factor[];
}

/** Cuts the factor at one end of the rest, so that a factor of this size lies at the end. */
function cut(work: Work, size: number, fromEnd: boolean): void {
  const at = fromEnd ? work.rest.length - 1 : 0;
  const whole = work.rest[at]!;
  const near = { size, axis: whole.axis };
  const far = { size: (whole.size as number) / size, axis: whole.axis };
  const parts = fromEnd ? [far, near] : [near, far];
  work.rest.splice(at, 1, ...parts);
  work.order.splice(work.order.indexOf(whole), 1, ...parts);
}

/** The factors at one end of the rest that make up an axis; null where they do not. */
function take(work: Work, size: Dim, fromEnd: boolean): Factor[] | null {
  const taken: Factor[] = [];
  const next = (): Factor | undefined => (fromEnd ? work.rest.at(-1) : work.rest[0]);
  const move = (): void => void (fromEnd ? taken.unshift(work.rest.pop()!) : taken.push(work.rest.shift()!));
  if (typeof size === 'string') {
    if (next()?.size !== size) return null;
    move();
    return taken;
  }
  let open = size ?? 0;
  if (open < 1) return null;
  while (open > 1) {
    const factor = next()?.size;
    if (typeof factor !== 'number') break;
    if (open % factor !== 0) {
      if (factor % open !== 0) break;
      cut(work, open, fromEnd);
      continue;
    }
    move();
    open /= factor;
  }
  if (open === 1) return taken;
  // Puts back what does not add up.
  work.rest.splice(fromEnd ? work.rest.length : 0, 0, ...taken);
  return null;
}

/** Divides the factors among the axes of a new shape. One axis may be of a size that is not known: it takes what is left. */
function regroup(order: Factor[], flat: readonly Factor[], shape: Shape): Factor[][] | null {
  const work: Work = { order, rest: [...flat] };
  const axes: Factor[][] = [];
  let [first, last] = [0, shape.length];
  for (; first < last; first++) {
    const taken = take(work, shape[first]!, false);
    if (!taken) break;
    axes[first] = taken;
  }
  for (; last > first; last--) {
    const taken = take(work, shape[last - 1]!, true);
    if (!taken) break;
    axes[last - 1] = taken;
  }
  if (last - first > 1 || (last === first && work.rest.length > 0)) return null;
  // Of a known size that does not add up nothing is said.
  if (last > first && typeof shape[first] === 'number') return null;
  if (last > first) axes[first] = work.rest;
  return axes;
}

/** What the nodes do to a value of this shape, in order; null where that does not follow from proven shapes. */
export function movesOf(from: Shape | null, nodes: readonly Node[], view: GraphView): Moves | null {
  if (!from || from.includes(0)) return null;
  const order = from.flatMap((size, axis): Factor[] => (size === 1 ? [] : [{ size, axis }]));
  let axes: readonly (readonly Factor[])[] = from.map((_, axis) => order.filter((f) => f.axis === axis));
  for (const node of nodes) {
    if (node.op === 'Transpose') {
      const perm = attrInts(node, 'perm', [...axes.keys()].reverse());
      if (perm.length !== axes.length) return null;
      axes = perm.map((axis) => axes[axis]!);
    } else {
      const shape = shapeOf(view, node.outputs[0]);
      const made = shape && !shape.includes(0) && regroup(order, axes.flat(), shape);
      if (!made) return null;
      // Factors that were cut lie in `order` in the pieces that the axes hold.
      axes = made;
    }
  }
  return { order, axes };
}

/** The size of an axis that is made of these factors. */
export function sizeOf(factors: readonly Factor[]): Dim {
  const open = factors.filter((f) => typeof f.size !== 'number');
  const known = factors.reduce((n, f) => (typeof f.size === 'number' ? n * f.size : n), 1);
  if (open.length === 0) return known;
  return open.length === 1 && known === 1 ? open[0]!.size : null;
}
