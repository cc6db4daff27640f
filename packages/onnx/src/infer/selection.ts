/** Rows of operators that select some of the elements of a tensor. */
import { attrInt, attrInts } from '../attributes.js';
import type { Dim } from '../ir.js';
import { mapDim, tensorType, type Row } from './facts.js';

/** Elements that start, end and step select of `n` (numpy slicing, clamped as ONNX Slice-10 says). */
export function sliceLength(n: number, start: number, end: number, step: number): number {
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const clamp = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, low), high);
  const from = Math.min(Math.max(start < 0 ? start + n : start, 0), step > 0 ? n : n - 1);
  const to = end < 0 && end + n < 0 && step < 0 ? -1 : clamp(end);
  return Math.max(0, Math.ceil((to - from) / step));
}

export const slice: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), null)];
  const old = f.node.attributes.has('starts');
  const starts = old ? attrInts(f.node, 'starts') : f.numbers(1);
  const ends = old ? attrInts(f.node, 'ends') : f.numbers(2);
  const all = x.map((_, i) => i);
  const axes = (old ? attrInts(f.node, 'axes', all) : f.has(3) ? f.numbers(3) : all)?.map((a) => f.axis(a, x.length));
  const steps = !old && f.has(4) ? f.numbers(4) : all.map(() => 1);
  if (!axes)
    return [
      tensorType(
        f.dtype(0),
        x.map(() => null),
      ),
    ];
  const count = starts?.length ?? axes.length;
  const out: Dim[] = [...x];
  axes.slice(0, count).forEach((axis, i) => {
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]];
    if (start === undefined || end === undefined || step === undefined) out[axis] = null;
    else if (step === 0) f.fail('a step is 0');
    else if (start === 0 && step === 1 && end >= 2 ** 31 - 1) out[axis] = x[axis]!;
    else out[axis] = mapDim(x[axis], (n) => sliceLength(n, start, end, step));
  });
  return [tensorType(f.dtype(0), out)];
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
  const out = x && x.map((d, i) => (i === axis ? k : d));
  return [tensorType(f.dtype(0), out), tensorType('int64', out)];
};

export const nonZero: Row = (f) => [tensorType('int64', [f.shape(0)?.length ?? null, null])];

export const compress: Row = (f) => {
  const x = f.shape(0);
  if (!f.node.attributes.has('axis')) return [tensorType(f.dtype(0), [null])];
  const axis = x && f.axis(attrInt(f.node, 'axis'), x.length);
  return [tensorType(f.dtype(0), x && x.map((d, i) => (i === axis ? null : d)))];
};

export const unique: Row = (f) => {
  const x = f.shape(0);
  const index = tensorType('int64', [null]);
  if (!f.node.attributes.has('axis')) return [tensorType(f.dtype(0), [null]), index, index, index];
  const axis = x && f.axis(attrInt(f.node, 'axis'), x.length);
  return [tensorType(f.dtype(0), x && x.map((d, i) => (i === axis ? null : d))), index, index, index];
};
