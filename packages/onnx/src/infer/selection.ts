/** Rows of operators that select some of the elements of a tensor. */
import { attrInt, attrInts } from '../attributes.js';
import type { Dim } from '../ir.js';
import { mapDim, mergeDim, productDim, sumDim, unknownShape, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { elementAt, fillGrid, gridOf } from './grid.js';
import { tensorType } from './types.js';

export interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Elements that a range selects of `n` (numpy slicing, clamped as ONNX Slice-10 says). */
export function sliceLength(n: number, { start, end, step }: Range): number {
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const clamp = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, low), high);
  const from = Math.min(Math.max(start < 0 ? start + n : start, 0), step > 0 ? n : n - 1);
  const to = end < 0 && end + n < 0 && step < 0 ? -1 : clamp(end);
  return Math.max(0, Math.ceil((to - from) / step));
}

/**
 * The range of each axis that a Slice cuts, null where it is not known; axes that it leaves alone are left out. Null
 * when not even the axes are known. Version 1 has attributes, version 10 inputs.
 */
export function sliceOf(f: NodeFacts, rank: number): readonly (Range | null | undefined)[] | null {
  const old = f.node.attributes.has('starts');
  const starts = old ? attrInts(f.node, 'starts') : f.elements(1);
  const ends = old ? attrInts(f.node, 'ends') : f.elements(2);
  const count = starts?.length ?? ends?.length ?? rank;
  const first = Array.from({ length: Math.min(count, rank) }, (_, i) => i);
  const given = old ? attrInts(f.node, 'axes', first) : f.has(3) ? f.numbers(3) : first;
  if (!given) return null;
  const steps: Shape | null = !old && f.has(4) ? f.elements(4) : given.map(() => 1);
  const ranges: (Range | null | undefined)[] = new Array<undefined>(rank).fill(undefined);
  given.forEach((a, i) => {
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]];
    if (step === 0) f.fail('a step is 0');
    const known = typeof start === 'number' && typeof end === 'number' && typeof step === 'number';
    ranges[f.axis(a, rank)] = known ? { start, end, step } : null;
  });
  return ranges;
}

export const slice: Row = (f) => {
  const x = f.shape(0);
  const ranges = x && sliceOf(f, x.length);
  if (!x || !ranges) return [tensorType(f.dtype(0), x && unknownShape(x.length))];
  const out = x.map((size, i): Dim => {
    const range = ranges[i];
    if (!range) return range === undefined ? size : null;
    if (range.start === 0 && range.step === 1 && range.end >= 2 ** 31 - 1) return size;
    return mapDim(size, (n) => sliceLength(n, range));
  });
  return [tensorType(f.dtype(0), out)];
};

/** The sizes of the parts that a Split makes of an axis: given, or equal but for the last (num_outputs, since 18). */
export function splitSizes(f: NodeFacts, size: Dim): Shape {
  const count = f.node.outputs.length;
  const given: Shape | null = f.node.attributes.has('split')
    ? attrInts(f.node, 'split')
    : f.has(1)
      ? f.elements(1)
      : null;
  if (given) {
    const total = sumDim(given);
    if (given.length !== count) f.fail(`${given.length} sizes for ${count} outputs`);
    if (!mergeDim(total, size)) f.fail(`the parts amount to ${total}, the axis has ${size}`);
    return given;
  }
  if (f.has(1) || typeof size !== 'number') return new Array<Dim>(count).fill(count === 1 ? size : null);
  const part = Math.ceil(size / count);
  return f.node.outputs.map((_, i) => (i < count - 1 ? part : size - part * (count - 1)));
}

export const split: Row = (f) => {
  const x = f.shape(0);
  if (!x) return f.node.outputs.map(() => tensorType(f.dtype(0), null));
  const axis = f.axis(attrInt(f.node, 'axis', 0), x.length);
  return splitSizes(f, x[axis]!).map((size) =>
    tensorType(
      f.dtype(0),
      x.map((d, a) => (a === axis ? size : d)),
    ),
  );
};

export const gather: Row = (f) => {
  const [x, indices] = [f.shape(0), f.shape(1)];
  if (!x || !indices) return [tensorType(f.dtype(0), null)];
  const axis = f.axis(attrInt(f.node, 'axis', 0), x.length);
  return [tensorType(f.dtype(0), [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)])];
};

export const gatherElements: Row = (f) => [tensorType(f.dtype(0), f.shape(1))];

export const gatherND: Row = (f) => {
  const [x, indices] = [f.shape(0), f.shape(1)];
  const last = indices?.at(-1);
  if (!x || !indices || typeof last !== 'number') return [tensorType(f.dtype(0), null)];
  const batch = attrInt(f.node, 'batch_dims', 0);
  return [tensorType(f.dtype(0), [...indices.slice(0, -1), ...x.slice(batch + last)])];
};

export const topK: Row = (f) => {
  const x = f.shape(0);
  const k = f.node.attributes.has('k') ? attrInt(f.node, 'k') : (f.elements(1)?.[0] ?? null);
  const axis = x && f.axis(attrInt(f.node, 'axis', -1), x.length);
  const size = x?.[axis!] ?? null;
  if (typeof k === 'number' && typeof size === 'number' && k > size) f.fail(`${k} of ${size} elements`);
  const out = x && x.map((d, i) => (i === axis ? k : d));
  return [tensorType(f.dtype(0), out), tensorType('int64', out)];
};

/** NonZero: an index for each axis; for a scalar ONNX says none, where ONNX Runtime gives one. */
export const nonZero: Row = (f) => {
  const found = f.numbers(0)?.filter((d) => d !== 0).length ?? null;
  return [tensorType('int64', [f.shape(0)?.length || null, found])];
};

/** Compress: as many slices as the condition, which may be shorter than the axis, has true elements. */
export const compress: Row = (f) => {
  const x = f.shape(0);
  const taken = f.numbers(1)?.filter((d) => d !== 0).length ?? null;
  if (!f.node.attributes.has('axis')) return [tensorType(f.dtype(0), [taken])];
  const axis = x && f.axis(attrInt(f.node, 'axis'), x.length);
  return [tensorType(f.dtype(0), x && x.map((d, i) => (i === axis ? taken : d)))];
};

/** The number of different elements, or of different slices along an axis, where the elements are known. */
function distinct(f: NodeFacts, axis: number | null): Dim {
  const x = gridOf(f, 0);
  if (!x?.elements.every((d) => typeof d === 'number')) return null;
  if (axis === null) return new Set(x.elements).size;
  const slices = Array.from({ length: x.dims[axis]! }, (): Dim[] => []);
  fillGrid(x.dims, (index) => {
    slices[index[axis]!]!.push(elementAt(x, index));
    return null;
  });
  return new Set(slices.map((slice) => slice.join(' '))).size;
}

/** Unique: the different slices, where each first occurs, which of them each slice is, and how often each occurs. */
export const unique: Row = (f) => {
  const x = f.shape(0);
  const given = f.node.attributes.has('axis');
  const axis = given && x ? f.axis(attrInt(f.node, 'axis'), x.length) : null;
  const count = given && axis === null ? null : distinct(f, axis);
  const all = axis === null ? (x && !given ? productDim(x) : null) : x![axis]!;
  const out = given ? x && x.map((d, i) => (i === axis ? count : d)) : [count];
  const [each, inverse] = [tensorType('int64', [count]), tensorType('int64', [all])];
  return [tensorType(f.dtype(0), out), each, inverse, each];
};
