/** The arithmetic of dimensions: numbers where they are known, symbols that stay themselves, null where neither holds. */
import type { Dim } from '../ir.js';

export type Shape = readonly Dim[];

export function shapeText(shape: Shape | null): string {
  return shape === null ? '[?]' : `[${shape.map((d) => d ?? '?').join(',')}]`;
}

export function mapDim(dim: Dim | undefined, f: (n: number) => number): Dim {
  return typeof dim === 'number' ? f(dim) : null;
}

/** The product of dimensions; a single symbol among ones stays itself. */
export function productDim(dims: Shape): Dim {
  if (dims.includes(0)) return 0;
  const rest = dims.filter((d) => d !== 1);
  if (rest.length === 0) return 1;
  if (rest.length === 1) return rest[0]!;
  let product = 1;
  for (const d of rest) {
    if (typeof d !== 'number') return null;
    product *= d;
  }
  return product;
}

/** The sum of dimensions; a single symbol among zeros stays itself. */
export function sumDim(dims: Shape): Dim {
  const rest = dims.filter((d) => d !== 0);
  if (rest.length === 1) return rest[0]!;
  let sum = 0;
  for (const d of rest) {
    if (typeof d !== 'number') return null;
    sum += d;
  }
  return sum;
}

/** The quotient, rounded down; a symbol divided by one stays itself. */
export function divideDim(dim: Dim, by: Dim): Dim {
  if (by === 1) return dim;
  return typeof dim === 'number' && typeof by === 'number' && by !== 0 ? Math.floor(dim / by) : null;
}

/** Both say something about the same dimension; null when they contradict each other. */
export function mergeDim(a: Dim, b: Dim): { dim: Dim } | null {
  if (a === null) return { dim: b };
  if (b === null || a === b) return { dim: a };
  if (typeof a === 'number' && typeof b === 'number') return null;
  return { dim: typeof b === 'number' ? b : a };
}

/** What is said of a dimension by the first of several sources that knows its size, else its name. */
export function firstDim(...dims: readonly (Dim | undefined)[]): Dim {
  return dims.find((d) => typeof d === 'number') ?? dims.find((d) => typeof d === 'string') ?? null;
}

/** Beyond that a rank is absurd, which only hostile files have, and counts as unknown. */
export const MOST_RANK = 64;

/** A shape of known rank and unknown sizes. */
export function unknownShape(rank: Dim | undefined): Shape | null {
  return typeof rank === 'number' && rank >= 0 && rank <= MOST_RANK ? new Array<Dim>(rank).fill(null) : null;
}
