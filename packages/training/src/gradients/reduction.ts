/** Gradients of reductions (opset 18 form: the axes are an input) and of running sums. */
import { attrInt, elementCount } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Applied, Row } from './row.js';
import { axisOf, constantInts } from './shape-ops.js';

function reducedAxes(t: Tape, n: Applied): number[] {
  const rank = t.shape(n.inputs[0]!).length;
  const axes = constantInts(t, n.node, 1) ?? [];
  if (axes.length > 0) return axes.map((a) => axisOf(a, rank));
  const all = Array.from({ length: rank }, (_, i) => i);
  return attrInt(n.node, 'noop_with_empty_axes', 0) === 1 ? [] : all;
}

/** dy with size-1 axes where the reduction dropped them. */
function keptShape(t: Tape, n: Applied, value: string): string {
  const axes = reducedAxes(t, n);
  const shape = t.shape(n.inputs[0]!).map((d, i) => (axes.includes(i) ? 1 : d));
  return t.reshape(value, shape);
}

/** A row from dx = f(dy, x, y), dy and y with the reduced axes kept. */
function reduction(dx: (t: Tape, dy: string, x: string, y: string, n: Applied) => string): Row {
  return {
    vjp: (t, n, dy) => [() => dx(t, keptShape(t, n, dy), n.inputs[0]!, keptShape(t, n, n.outputs[0]!), n), null],
  };
}

export const reduceSum: Row = {
  vjp: (t, n, dy) => [() => t.expand(keptShape(t, n, dy), t.shape(n.inputs[0]!)), null],
};

export const reduceMean: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const share = elementCount(t.shape(dy)) / elementCount(shape);
      return t.expand(t.scale(keptShape(t, n, dy), share), shape);
    },
    null,
  ],
};

/** Equal extremes share the gradient. */
export const reduceExtreme = reduction((t, dy, x, y, n) => {
  const mask = t.indicator(t.compare('Equal', x, y));
  return t.mul(mask, t.div(dy, t.reduce('ReduceSum', mask, reducedAxes(t, n))));
});

/**
 * The product of the others, also where an element is 0: with one 0 among them only its own slope is not 0, with two none
 * is. Zeros are taken for ones in the product that is then divided.
 */
export const reduceProd = reduction((t, dy, x, _y, n) => {
  const axes = reducedAxes(t, n);
  const isZero = t.compare('Equal', x, t.scalar(0));
  const zeros = t.indicator(isZero);
  const filled = t.where(isZero, t.scalar(1), x);
  const others = t.div(t.reduce('ReduceProd', filled, axes), filled);
  const elsewhere = t.sub(t.reduce('ReduceSum', zeros, axes), zeros);
  const alone = t.indicator(t.compare('Equal', elsewhere, t.scalar(0)));
  return t.mul(dy, t.mul(others, alone));
});

export const reduceL1 = reduction((t, dy, x) => t.mul(dy, t.unary('Sign', x)));

/** x / y; an all-zero set has no direction, and no gradient. */
export const reduceL2 = reduction((t, dy, x, y) => {
  const share = t.where(t.compare('Equal', y, t.scalar(0)), t.scalar(0), t.div(dy, y));
  return t.mul(share, x);
});

export const reduceSumSquare = reduction((t, dy, x) => t.mul(t.scale(dy, 2), x));

/** log(sum): dy / sum, the sum being exp(y). */
export const reduceLogSum: Row = {
  vjp: (t, n, dy) => [
    () => {
      const share = t.mul(dy, t.unary('Exp', t.unary('Neg', n.outputs[0]!)));
      return t.expand(keptShape(t, n, share), t.shape(n.inputs[0]!));
    },
    null,
  ],
};

export const reduceLogSumExp = reduction((t, dy, x, y) => t.mul(dy, t.unary('Exp', t.sub(x, y))));

/** CumSum-14: what an element was added to lies behind it, so the gradient is summed from the other end. */
export const cumSum: Row = {
  vjp: (t, n, dy) => [
    () => {
      const reverse = attrInt(n.node, 'reverse', 0);
      const attributes = new Map(n.node.attributes);
      attributes.set('reverse', { kind: 'int', value: BigInt(1 - reverse) });
      return t.emit('CumSum', [dy, n.inputs[1]!], t.shape(dy), Object.fromEntries(attributes));
    },
    null,
  ],
};
