/** Normalisation by a norm: LRN and LpNormalization. */
import { attrFloat, attrInt, elementCount, int, ints } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Composite, Row } from './row.js';
import { axisOf } from './shape-ops.js';

/**
 * LRN-13: x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels)^beta. The sum over neighbours is an
 * average pool over the channels as positions, times its number of elements.
 */
export const lrn: Composite = {
  decompose(t, node) {
    const x = node.inputs[0]!;
    const shape = t.shape(x);
    const [batch, channels] = [shape[0]!, shape[1]!];
    const size = attrInt(node, 'size');
    const flat = [batch, 1, channels, elementCount(shape.slice(2))];
    const pads = [Math.floor((size - 1) / 2), 0, Math.ceil((size - 1) / 2), 0];
    const averaged = t.emit('AveragePool', [t.reshape(t.mul(x, x), flat)], flat, {
      kernel_shape: ints([size, 1]),
      pads: ints(pads),
      count_include_pad: int(1),
    });
    // The average has divided by `size` already.
    const base = t.add(t.scale(averaged, attrFloat(node, 'alpha', 1e-4)), t.scalar(attrFloat(node, 'bias', 1)));
    const factor = t.binary('Pow', base, t.scalar(-attrFloat(node, 'beta', 0.75)));
    t.node('Mul', [x, t.reshape(factor, shape)], [node.outputs[0]!]);
  },
};

/** 1 / x, and 0 where x is 0. */
function inverseOrZero(t: Tape, x: string): string {
  return t.where(t.compare('Equal', x, t.scalar(0)), t.scalar(0), t.unary('Reciprocal', x));
}

/** LpNormalization-1: x / ||x||_p, p = 1 or 2, along one axis; what has no length has no gradient either. */
export const lpNormalization: Row = {
  vjp: (t, n, dy) => [
    () => {
      const [x, y] = [n.inputs[0]!, n.outputs[0]!];
      const axes = [axisOf(attrInt(n.node, 'axis', -1), t.shape(x).length)];
      const p = attrInt(n.node, 'p', 2);
      const size = t.unary('Abs', x);
      const norm =
        p === 1 ? t.reduce('ReduceSum', size, axes) : t.unary('Sqrt', t.reduce('ReduceSum', t.mul(x, x), axes));
      // The slope of the norm is sign(x) for p = 1 and y for p = 2.
      const slope = p === 1 ? t.unary('Sign', x) : y;
      const along = t.reduce('ReduceSum', t.mul(dy, y), axes);
      return t.mul(t.sub(dy, t.mul(slope, along)), inverseOrZero(t, norm));
    },
  ],
};
