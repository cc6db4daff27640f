/** Known elements together with their shape, and picking some of them by index. */
import type { Dim } from '../ir.js';
import type { Shape } from './dims.js';
import type { NodeFacts } from './facts.js';
import { MOST_ELEMENTS } from './numbers.js';

export interface Grid {
  readonly dims: readonly number[];
  /** Row-major. */
  readonly elements: Shape;
}

/** The elements of an input, when they and their shape are known. */
export function gridOf(f: NodeFacts, input: number): Grid | null {
  const [elements, shape] = [f.elements(input), f.shape(input)];
  if (!elements || !shape?.every((d): d is number => typeof d === 'number')) return null;
  return shape.reduce((p, d) => p * d, 1) === elements.length ? { dims: shape, elements } : null;
}

/** The element at an index; dimensions of size 1 and those that the index lacks in front are broadcast. */
export function elementAt(grid: Grid, index: readonly number[]): Dim {
  const skip = index.length - grid.dims.length;
  let at = 0;
  grid.dims.forEach((size, axis) => {
    at = at * size + (size === 1 ? 0 : index[skip + axis]!);
  });
  return grid.elements[at] ?? null;
}

/** Elements of a tensor of this shape, each made from its index; null when there are too many of them. */
export function fillGrid(dims: readonly number[], element: (index: readonly number[]) => Dim): Shape | null {
  const count = dims.reduce((p, d) => p * d, 1);
  if (count > MOST_ELEMENTS) return null;
  const index = dims.map(() => 0);
  return Array.from({ length: count }, () => {
    const value = element(index);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
    return value;
  });
}
