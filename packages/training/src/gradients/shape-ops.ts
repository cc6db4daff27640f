/** Gradients of operators that move elements without changing them. */
import { type Node, attrInt, attrInts, attrString, elementCount, int, str } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Shape, Tape } from '../tape.js';
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
        const reversed = t.emit(
          'Slice',
          [gradient, t.ints([-1]), t.ints([-(2 ** 31)]), t.ints([axis]), t.ints([-1])],
          t.shape(gradient),
        );
        return spread(t, reversed, axis, first + (count - 1) * step, -step, size);
      }, dy);
    },
    null,
    null,
    null,
    null,
  ],
};

/** Pad-13 in constant mode with paddings of 0 or more. */
export const pad: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const mode = attrString(n.node, 'mode', 'constant');
      const pads = constantInts(t, n.node, 1)!;
      if (mode !== 'constant' || pads.some((p) => p < 0)) {
        throw new TrainingError(
          'no-gradient',
          `Pad node '${n.node.name}': only constant padding of 0 or more has a gradient`,
        );
      }
      const axes = (constantInts(t, n.node, 3) ?? shape.map((_, i) => i)).map((a) => axisOf(a, shape.length));
      const begins = pads.slice(0, axes.length);
      const ends = begins.map((b, i) => b + shape[axes[i]!]!);
      return t.slice(
        dy,
        axes,
        begins,
        ends,
        axes.map(() => 1),
      );
    },
    null,
    null,
    null,
  ],
};

/** Gather-13: rows that were read several times collect all their gradients (a scatter-add). */
export const gather: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const indexShape = t.shape(n.inputs[1]!);
      const axis = axisOf(attrInt(n.node, 'axis', 0), shape.length);
      const reads = elementCount(indexShape);
      const rest: Shape = shape.filter((_, i) => i !== axis);
      const rank = t.shape(dy).length;
      const order = Array.from({ length: rank }, (_, i) => i);
      const first = order.slice(axis, axis + indexShape.length);
      const rows = t.transpose(dy, [...first, ...order.filter((i) => !first.includes(i))]);
      let indices = n.inputs[1]!;
      // TensorProto.DataType.INT64 is 7.
      if (t.types.get(indices) !== 'int64') indices = t.emit('Cast', [indices], indexShape, { to: int(7) }, 'int64');
      const gathered = t.emit(
        'ScatterND',
        [t.zeros([shape[axis]!, ...rest]), t.reshape(indices, [reads, 1]), t.reshape(rows, [reads, ...rest])],
        [shape[axis]!, ...rest],
        { reduction: str('add') },
      );
      // The gathered axis stands first; put it back.
      const back = Array.from({ length: shape.length }, (_, i) => (i < axis ? i + 1 : i === axis ? 0 : i));
      return t.transpose(gathered, back);
    },
    null,
  ],
};
