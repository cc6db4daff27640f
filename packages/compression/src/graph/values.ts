/** What is known of the channels of a value: which unit each index of each axis belongs to. */
import type { Dim } from '@verge/onnx';

/**
 * Several axes whose indices carry units only together, as [heads, width] do after a Reshape of [heads * width]. In the end one
 * of them is chosen, along which whole rows stay or go.
 */
export interface Grid {
  readonly sizes: readonly number[];
  /** The unit of each cell, row-major. */
  readonly labels: Int32Array;
}

/** One axis of a grid. */
export interface GridAxis {
  readonly grid: Grid;
  /** Which of the grid's axes it is. */
  readonly at: number;
}

/** The unit of each index, or a part of a grid, or null where no index ever goes. */
export type Axis = Int32Array | GridAxis | null;

export interface Value {
  readonly dims: readonly Dim[];
  readonly axes: readonly Axis[];
}

export const isLabels = (axis: Axis | undefined): axis is Int32Array => axis instanceof Int32Array;
export const isGridAxis = (axis: Axis | undefined): axis is GridAxis => !!axis && !(axis instanceof Int32Array);

/** The grids of a value, each with the axis of the value that stands for each of the grid's, in the grid's order. */
export function gridsOf(value: Value): Map<Grid, number[]> {
  const found = new Map<Grid, number[]>();
  value.axes.forEach((axis, i) => {
    if (!isGridAxis(axis)) return;
    const places = found.get(axis.grid) ?? axis.grid.sizes.map(() => -1);
    places[axis.at] = i;
    found.set(axis.grid, places);
  });
  return found;
}

export function strides(sizes: readonly number[]): number[] {
  const result = new Array<number>(sizes.length).fill(1);
  for (let i = sizes.length - 2; i >= 0; i--) result[i] = (result[i + 1] as number) * (sizes[i + 1] as number);
  return result;
}

export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** The cells of each row of a grid along one of its axes. */
export function rowsAlong({ sizes, labels }: Grid, at: number): number[][] {
  const step = strides(sizes)[at] as number;
  const size = sizes[at] as number;
  const rows = Array.from({ length: size }, (): number[] => []);
  labels.forEach((unit, cell) => (rows[Math.floor(cell / step) % size] as number[]).push(unit));
  return rows;
}

/** The part of a grid at some indices of one axis; the axis goes where `drop` is set. */
export function gridAt({ sizes, labels }: Grid, at: number, indices: readonly number[], drop: boolean): Grid {
  const step = strides(sizes)[at] as number;
  const size = sizes[at] as number;
  const outer = labels.length / (size * step);
  const picked = new Int32Array(outer * indices.length * step);
  for (let o = 0; o < outer; o++)
    indices.forEach((index, k) => {
      const from = (o * size + index) * step;
      picked.set(labels.subarray(from, from + step), (o * indices.length + k) * step);
    });
  const left = sizes.map((s, i) => (i === at ? indices.length : s));
  return { sizes: drop ? left.filter((_, i) => i !== at) : left, labels: picked };
}
