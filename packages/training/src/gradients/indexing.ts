/** Gradients of operators that read or write elements by index. What was read several times collects all its gradients. */
import { attrInt, attrString, elementCount, float32, int, int64, str, type Node } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Row } from './row.js';
import { axisOf } from './shape-ops.js';

/** Indices as int64; TensorProto.DataType.INT64 is 7. */
function asInt64(t: Tape, indices: string): string {
  if (t.types.get(indices) === 'int64') return indices;
  return t.emit('Cast', [indices], t.shape(indices), { to: int(7) }, 'int64');
}

const axisAttribute = (t: Tape, node: Node): number =>
  axisOf(attrInt(node, 'axis', 0), t.shape(node.inputs[0]!).length);

const adding = { reduction: str('add') };

/** The inverse of a constant order of all places along an axis; undefined where indices are something else. */
function inverseOrder(t: Tape, indices: string, size: number): number[] | undefined {
  const value = t.initializers.get(indices)?.value;
  if (!value || !('data' in value) || value.dims.length !== 1 || value.dims[0] !== size) return undefined;
  const inverse = new Array<number>(size).fill(-1);
  Array.from(value.data as ArrayLike<number | bigint>, Number).forEach((place, i) => {
    inverse[place < 0 ? place + size : place] = i;
  });
  return inverse.includes(-1) ? undefined : inverse;
}

/**
 * Gather-13: whole slices, written back by one ScatterND along the gathered axis, which is brought to the front; where they are all slices in
 * another order, by a Gather in the inverse one.
 */
export const gather: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const indexShape = t.shape(n.inputs[1]!);
      const axis = axisAttribute(t, n.node);
      const inverse = inverseOrder(t, n.inputs[1]!, shape[axis]!);
      if (inverse) return t.emit('Gather', [dy, t.ints(inverse)], shape, { axis: int(axis) });
      const reads = elementCount(indexShape);
      const rest: Shape = shape.filter((_, i) => i !== axis);
      const rank = t.shape(dy).length;
      const order = Array.from({ length: rank }, (_, i) => i);
      const first = order.slice(axis, axis + indexShape.length);
      const rows = t.transpose(dy, [...first, ...order.filter((i) => !first.includes(i))]);
      const indices = t.reshape(asInt64(t, n.inputs[1]!), [reads, 1]);
      const zeros = t.zeros([shape[axis]!, ...rest]);
      const inputs = [zeros, indices, t.reshape(rows, [reads, ...rest])];
      const gathered = t.emit('ScatterND', inputs, [shape[axis]!, ...rest], adding);
      // The gathered axis stands first; put it back.
      const back = Array.from({ length: shape.length }, (_, i) => (i < axis ? i + 1 : i === axis ? 0 : i));
      return t.transpose(gathered, back);
    },
    null,
  ],
};

/** GatherElements-13. */
export const gatherElements: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const attributes = { axis: int(axisAttribute(t, n.node)), ...adding };
      return t.emit('ScatterElements', [t.zeros(shape), n.inputs[1]!, dy], shape, attributes);
    },
    null,
  ],
};

/** Index tuples of GatherND-13 with the batch coordinates, which the operator leaves out, put before them. */
function fullTuples(t: Tape, indices: string, batchDims: number): string {
  const tuples = asInt64(t, indices);
  if (batchDims === 0) return tuples;
  const lead = t.shape(tuples).slice(0, -1);
  const values: number[] = [];
  for (let i = 0; i < elementCount(lead); i++) {
    let rest = i;
    const position = [...lead].reverse().map((d) => {
      const at = rest % d;
      rest = Math.floor(rest / d);
      return at;
    });
    values.push(...position.reverse().slice(0, batchDims));
  }
  const batch = t.constant(int64([...lead, batchDims], values), 'batch');
  const shape = [...lead, batchDims + t.shape(tuples).at(-1)!];
  return t.emit('Concat', [batch, tuples], shape, { axis: int(shape.length - 1) }, 'int64');
}

export const gatherND: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const tuples = fullTuples(t, n.inputs[1]!, attrInt(n.node, 'batch_dims', 0));
      return t.emit('ScatterND', [t.zeros(shape), tuples, dy], shape, adding);
    },
    null,
  ],
};

const REDUCTIONS: readonly string[] = ['none', 'add'];

function scatterLimits(node: Node): string | undefined {
  const how = attrString(node, 'reduction', 'none');
  return REDUCTIONS.includes(how) ? undefined : `reduction '${how}'`;
}

/** Written elements take nothing from the data, unless they were added to it. */
function scatterRow(
  write: (t: Tape, node: Node, data: string, updates: string) => string,
  read: (t: Tape, node: Node, data: string) => string,
): Row {
  return {
    unsupported: scatterLimits,
    vjp: (t, n, dy) => [
      () => {
        if (attrString(n.node, 'reduction', 'none') === 'add') return dy;
        return write(t, n.node, dy, t.zeros(t.shape(n.inputs[2]!)));
      },
      null,
      () => read(t, n.node, dy),
    ],
  };
}

/** ScatterElements-18. */
export const scatterElements = scatterRow(
  (t, node, data, updates) =>
    t.emit('ScatterElements', [data, node.inputs[1]!, updates], t.shape(data), { axis: int(axisAttribute(t, node)) }),
  (t, node, data) =>
    t.emit('GatherElements', [data, node.inputs[1]!], t.shape(node.inputs[2]!), { axis: int(axisAttribute(t, node)) }),
);

/** ScatterND-18. */
export const scatterND = scatterRow(
  (t, node, data, updates) => t.emit('ScatterND', [data, node.inputs[1]!, updates], t.shape(data)),
  (t, node, data) => t.emit('GatherND', [data, node.inputs[1]!], t.shape(node.inputs[2]!)),
);

/** TopK-11: the values' gradients go where the second output says they came from. */
export const topK: Row = {
  forward(t, node) {
    const indices = node.outputs[1] || t.declare(t.fresh('indices'), t.shape(node.outputs[0]!), 'int64');
    t.nodes.push({ ...node, outputs: [node.outputs[0]!, indices] });
    return { indices };
  },
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const axis = axisOf(attrInt(n.node, 'axis', -1), shape.length);
      return t.emit('ScatterElements', [t.zeros(shape), n.saved['indices'] ?? n.outputs[1]!, dy], shape, {
        axis: int(axis),
      });
    },
    null,
  ],
};

/** MaxUnpool-11: every element was put where its index says, counted over the whole tensor. */
export const maxUnpool: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const count = [elementCount(shape)];
      const from = [t.reshape(dy, [elementCount(t.shape(dy))]), t.reshape(n.inputs[1]!, count)];
      return t.reshape(t.emit('GatherElements', from, count, { axis: int(0) }), shape);
    },
    null,
    null,
  ],
};

/** ReverseSequence-10 undoes itself. */
export const reverseSequence: Row = {
  vjp: (t, n, dy) => {
    const attributes = Object.fromEntries(n.node.attributes);
    return [() => t.emit('ReverseSequence', [dy, n.inputs[1]!], t.shape(dy), attributes), null];
  },
};

/** OneHot-11: the two values may be learned; where the hot one stands is no matter of degree. */
export const oneHot: Row = {
  vjp: (t, n, dy) => [
    null,
    null,
    () => {
      const shape = t.shape(dy);
      const zeroOne = t.constant(float32([2], [0, 1]), 'zero_one', 'zero-one');
      const axis = { axis: int(attrInt(n.node, 'axis', -1)) };
      const hot = t.emit('OneHot', [n.inputs[0]!, n.inputs[1]!, zeroOne], shape, axis);
      const all = shape.map((_, i) => i);
      const total = (x: string): string => t.reshape(t.reduce('ReduceSum', x, all), [1]);
      const on = total(t.mul(dy, hot));
      return t.concat([t.sub(total(dy), on), on], 0);
    },
  ],
};
