/** Gradients of operators that move elements without changing them. */
import { type Node, attrInt, attrInts, attrString, int, str } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Tape } from '../tape.js';
import type { Row } from './row.js';

/** A negative axis counts from the back. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The integers of a constant input; refused when the graph computes them. */
export function constantInts(t: Tape, node: Node, index: number): number[] | undefined {
  const name = node.inputs[index];
  if (!name) return undefined;
  const value = t.initializers.get(name)?.value;
  if (value && 'data' in value && (value.dtype === 'int64' || value.dtype === 'int32'))
    return Array.from(value.data, Number);
  throw new TrainingError(
    'no-gradient',
    `${node.op} node '${node.name}': input '${name}' must be a constant for a gradient to be written`,
  );
}

/** Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order. */
export const sameElements: Row = {
  vjp: (t, n, dy) => [() => t.reshape(dy, t.shape(n.inputs[0]!)), null],
};

export const expand: Row = { vjp: (_t, _n, dy) => [() => dy, null] };

export const transpose: Row = {
  vjp: (t, n, dy) => [
    () => {
      const rank = t.shape(dy).length;
      const perm = attrInts(
        n.node,
        'perm',
        Array.from({ length: rank }, (_, i) => rank - 1 - i),
      );
      const inverse = perm.map((_, i) => perm.indexOf(i));
      return t.transpose(dy, inverse);
    },
  ],
};

export const concat: Row = {
  vjp: (t, n, dy) => {
    const axis = axisOf(attrInt(n.node, 'axis', 0), t.shape(dy).length);
    let offset = 0;
    return n.inputs.map((input) => {
      const begin = offset;
      offset += t.shape(input)[axis]!;
      const end = offset;
      return () => t.slice(dy, [axis], [begin], [end], [1]);
    });
  },
};

export const split: Row = {
  vjp: (t, n, _dy, dys) => [
    () => {
      const axis = axisOf(attrInt(n.node, 'axis', 0), t.shape(n.inputs[0]!).length);
      return t.concat(
        n.outputs.map((output, i) => dys[i] ?? t.zeros(t.shape(output))),
        axis,
      );
    },
    null,
  ],
};

/** Puts `step - 1` zeros between the elements of an axis and as many as are missing around them. */
function spread(t: Tape, x: string, axis: number, begin: number, step: number, size: number): string {
  const shape = t.shape(x);
  const count = shape[axis]!;
  let wide = x;
  if (step > 1) {
    const apart = t.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const pads = Array.from({ length: 2 * (shape.length + 1) }, () => 0);
    pads[shape.length + 1 + axis + 1] = step - 1;
    const padded = t.pad(apart, pads);
    wide = t.reshape(padded, [...shape.slice(0, axis), count * step, ...shape.slice(axis + 1)]);
    wide = t.slice(wide, [axis], [0], [(count - 1) * step + 1], [1]);
  }
  const pads = Array.from({ length: 2 * shape.length }, () => 0);
  pads[axis] = begin;
  pads[shape.length + axis] = size - begin - ((count - 1) * step + 1);
  return t.pad(wide, pads);
}

/** Slice-13: negative steps walk backwards, indices are clamped to the axis. */
export const slice: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const starts = constantInts(t, n.node, 1)!;
      const axes = (constantInts(t, n.node, 3) ?? starts.map((_, i) => i)).map((a) => axisOf(a, shape.length));
      const steps = constantInts(t, n.node, 4) ?? starts.map(() => 1);
      return axes.reduce((gradient, axis, i) => {
        const [size, step] = [shape[axis]!, steps[i]!];
        const from = starts[i]! < 0 ? starts[i]! + size : starts[i]!;
        const count = t.shape(gradient)[axis]!;
        if (step > 0) return spread(t, gradient, axis, Math.min(Math.max(from, 0), size), step, size);
        const first = Math.min(Math.max(from, 0), size - 1);
        return spread(t, t.reverse(gradient, axis), axis, first + (count - 1) * step, -step, size);
      }, dy);
    },
    null,
    null,
    null,
    null,
  ],
};

/** Tile-13: the copies of an axis lie apart by its size; each becomes an axis of its own and is summed over. */
export const tile: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const repeats = constantInts(t, n.node, 1)!;
      const apart = shape.flatMap((d, i) => [repeats[i]!, d]);
      const copies = shape.map((_, i) => 2 * i).filter((a) => apart[a] !== 1);
      return t.reshape(t.reduce('ReduceSum', t.reshape(dy, apart), copies), shape);
    },
    null,
  ],
};

/** Trilu-14: the other triangle has no influence. */
export const trilu: Row = {
  vjp: (t, n, dy) => {
    const inputs = n.inputs[1] ? [dy, n.inputs[1]] : [dy];
    return [() => t.emit('Trilu', inputs, t.shape(dy), { upper: int(attrInt(n.node, 'upper', 1)) }), null];
  },
};

export const spaceToDepth: Row = {
  vjp: (t, n, dy) => [
    () => {
      const attributes = { blocksize: int(attrInt(n.node, 'blocksize')), mode: str('DCR') };
      return t.emit('DepthToSpace', [dy], t.shape(n.inputs[0]!), attributes);
    },
  ],
};

/** DepthToSpace-13: SpaceToDepth undoes DCR; in CRD the channels are outside the block's rows and columns. */
export const depthToSpace: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const block = attrInt(n.node, 'blocksize');
      if (attrString(n.node, 'mode', 'DCR') === 'DCR')
        return t.emit('SpaceToDepth', [dy], shape, { blocksize: int(block) });
      const [batch, channels, height, width] = shape as [number, number, number, number];
      const blocks = t.reshape(dy, [batch, channels / block ** 2, height, block, width, block]);
      return t.reshape(t.transpose(blocks, [0, 1, 3, 5, 2, 4]), shape);
    },
  ],
};
