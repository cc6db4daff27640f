/** Elements of the operators that move elements about or pick some of them, for tensors whose elements are known. */
import { attrInt, attrInts } from '../attributes.js';
import type { Shape } from './dims.js';
import type { NodeFacts } from './facts.js';
import { elementAt, fillGrid, gridOf, type Grid } from './grid.js';
import { sliceLength, sliceOf, splitSizes } from './selection.js';

/** The elements of the only output, or of the first. */
export type Rule = (f: NodeFacts) => Shape | null;

export const gather: Rule = (f) => {
  const [from, indices] = [gridOf(f, 0), gridOf(f, 1)];
  if (!from || !indices) return null;
  const axis = f.axis(attrInt(f.node, 'axis', 0), from.dims.length);
  const size = from.dims[axis]!;
  const dims = [...from.dims.slice(0, axis), ...indices.dims, ...from.dims.slice(axis + 1)];
  return fillGrid(dims, (index) => {
    const i = elementAt(indices, index.slice(axis, axis + indices.dims.length));
    if (typeof i !== 'number') return null;
    const at = i < 0 ? i + size : i;
    if (!(at >= 0 && at < size)) f.fail(`index ${i} is outside of ${size} elements`);
    return elementAt(from, [...index.slice(0, axis), at, ...index.slice(axis + indices.dims.length)]);
  });
};

export const concat: Rule = (f) => {
  const parts = Array.from({ length: f.inputCount }, (_, i) => gridOf(f, i));
  const [first] = parts;
  if (!first || parts.some((p) => p?.dims.length !== first.dims.length)) return null;
  const axis = f.axis(attrInt(f.node, 'axis', 1), first.dims.length);
  const total = parts.reduce((sum, p) => sum + p!.dims[axis]!, 0);
  return fillGrid(
    first.dims.map((d, i) => (i === axis ? total : d)),
    (index) => {
      let at = index[axis]!;
      const part = parts.find((p) => {
        if (at < p!.dims[axis]!) return true;
        at -= p!.dims[axis]!;
        return false;
      });
      return elementAt(
        part!,
        index.map((d, i) => (i === axis ? at : d)),
      );
    },
  );
};

export const slice: Rule = (f) => {
  const from = gridOf(f, 0);
  const ranges = from && sliceOf(f, from.dims.length);
  if (!from || !ranges?.every((r) => r !== null)) return null;
  const dims = from.dims.map((n, i) => (ranges[i] === undefined ? n : sliceLength(n, ranges[i]!)));
  return fillGrid(dims, (index) =>
    elementAt(
      from,
      index.map((at, axis) => {
        const [range, n] = [ranges[axis], from.dims[axis]!];
        if (range === undefined) return at;
        const low = range.start < 0 ? range.start + n : range.start;
        return Math.min(Math.max(low, 0), range.step > 0 ? n : n - 1) + at * range.step;
      }),
    ),
  );
};

export const transpose: Rule = (f) => {
  const from = gridOf(f, 0);
  if (!from) return null;
  const rank = from.dims.length;
  const perm = attrInts(
    f.node,
    'perm',
    from.dims.map((_, i) => rank - 1 - i),
  ).map((p) => f.axis(p, rank));
  return fillGrid(
    perm.map((p) => from.dims[p]!),
    (index) => {
      const source = from.dims.map(() => 0);
      perm.forEach((p, i) => (source[p] = index[i]!));
      return elementAt(from, source);
    },
  );
};

/** Expand and Tile: the output's shape decides which elements repeat. */
const repeat =
  (dimsOf: (f: NodeFacts, from: Grid) => Shape | null): Rule =>
  (f) => {
    const from = gridOf(f, 0);
    const dims = from && dimsOf(f, from);
    if (!from || !dims?.every((d): d is number => typeof d === 'number')) return null;
    const skip = dims.length - from.dims.length;
    return fillGrid(dims, (index) =>
      elementAt(
        from,
        from.dims.map((d, i) => (index[skip + i] ?? 0) % d),
      ),
    );
  };

export const expand = repeat((f, from) => (f.elements(1) ? f.broadcast([from.dims, f.elements(1)]) : null));

export const tile = repeat((f, from) => {
  const repeats = f.numbers(1);
  return repeats?.length === from.dims.length ? from.dims.map((d, i) => d * repeats[i]!) : null;
});

/** NonZero: the indices of the elements that are not zero, one row for each axis. */
export const nonZero: Rule = (f) => {
  const from = gridOf(f, 0);
  if (!from?.dims.length || !from.elements.every((d) => typeof d === 'number')) return null;
  const found: number[][] = [];
  fillGrid(from.dims, (index) => {
    if (elementAt(from, index) !== 0) found.push([...index]);
    return null;
  });
  return from.dims.flatMap((_, axis) => found.map((index) => index[axis]!));
};

/** Split: each output has its part of the elements. */
export function splitElements(f: NodeFacts): readonly (Shape | null)[] | null {
  const from = gridOf(f, 0);
  if (!from) return null;
  const axis = f.axis(attrInt(f.node, 'axis', 0), from.dims.length);
  const sizes = splitSizes(f, from.dims[axis]!);
  let begin = 0;
  return sizes.map((size) => {
    if (typeof size !== 'number') return null;
    const start = begin;
    begin += size;
    return fillGrid(
      from.dims.map((d, i) => (i === axis ? size : d)),
      (index) =>
        elementAt(
          from,
          index.map((at, i) => (i === axis ? start + at : at)),
        ),
    );
  });
}
