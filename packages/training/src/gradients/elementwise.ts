/** Gradients of element-wise operators. Broadcast inputs get their full-size gradient here; the walker sums it. */
import { attrFloat } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Applied, Row } from './row.js';

/** A row for a unary operator from dx = f(dy, x, y). */
function unary(dx: (t: Tape, dy: string, x: string, y: string, applied: Applied) => string): Row {
  return { vjp: (t, n, dy) => [() => dx(t, dy, n.inputs[0]!, n.outputs[0]!, n)] };
}

const one = (t: Tape): string => t.scalar(1);

export const add: Row = { vjp: (_t, _n, dy) => [() => dy, () => dy] };

export const sub: Row = { vjp: (t, _n, dy) => [() => dy, () => t.unary('Neg', dy)] };

export const mul: Row = {
  vjp: (t, n, dy) => [() => t.mul(dy, n.inputs[1]!), () => t.mul(dy, n.inputs[0]!)],
};

export const div: Row = {
  vjp: (t, n, dy) => [
    () => t.div(dy, n.inputs[1]!),
    () => t.unary('Neg', t.div(t.mul(dy, n.outputs[0]!), n.inputs[1]!)),
  ],
};

export const pow: Row = {
  vjp: (t, n, dy) => {
    const [x, e] = [n.inputs[0]!, n.inputs[1]!];
    return [
      () => t.mul(dy, t.mul(e, t.binary('Pow', x, t.sub(e, one(t))))),
      () => t.mul(dy, t.mul(n.outputs[0]!, t.unary('Log', x))),
    ];
  },
};

/** The larger (or smaller) operand gets the gradient; equal operands each get half. */
function selecting(op: 'Greater' | 'Less'): Row {
  return {
    vjp: (t, n, dy) => {
      const share = (mine: string, other: string): string => {
        const wins = t.indicator(t.compare(op, mine, other));
        const ties = t.scale(t.indicator(t.compare('Equal', mine, other)), 0.5);
        return t.mul(dy, t.add(wins, ties));
      };
      if (n.inputs.length === 1) return [() => dy];
      return [() => share(n.inputs[0]!, n.inputs[1]!), () => share(n.inputs[1]!, n.inputs[0]!)];
    },
  };
}

export const max = selecting('Greater');
export const min = selecting('Less');

export const neg = unary((t, dy) => t.unary('Neg', dy));
export const exp = unary((t, dy, _x, y) => t.mul(dy, y));
export const log = unary((t, dy, x) => t.div(dy, x));
export const sqrt = unary((t, dy, _x, y) => t.div(t.scale(dy, 0.5), y));
export const reciprocal = unary((t, dy, _x, y) => t.unary('Neg', t.mul(dy, t.mul(y, y))));
export const abs = unary((t, dy, x) => t.mul(dy, t.unary('Sign', x)));
export const sigmoid = unary((t, dy, _x, y) => t.mul(dy, t.mul(y, t.sub(one(t), y))));
export const tanh = unary((t, dy, _x, y) => t.mul(dy, t.sub(one(t), t.mul(y, y))));
export const softplus = unary((t, dy, x) => t.mul(dy, t.unary('Sigmoid', x)));

/** 2 / sqrt(pi) * exp(-x^2) */
export const erf = unary((t, dy, x) =>
  t.mul(dy, t.scale(t.unary('Exp', t.unary('Neg', t.mul(x, x))), 2 / Math.sqrt(Math.PI))),
);

/** The mask is read from the output, so that the input need not be kept. A Cast costs less than a Where. */
export const relu = unary((t, dy, _x, y) => t.mul(dy, t.indicator(t.compare('Greater', y, t.scalar(0)))));

export const leakyRelu = unary((t, dy, x, _y, n) => {
  const alpha = t.scalar(attrFloat(n.node, 'alpha', 0.01));
  return t.mul(dy, t.where(t.compare('Greater', x, t.scalar(0)), one(t), alpha));
});

/** Clip-11: bounds are optional inputs; ReLU6 is Clip(0, 6). */
export const clip: Row = {
  vjp: (t, n, dy) => [
    () => {
      const [x, low, high] = [n.inputs[0]!, n.inputs[1], n.inputs[2]];
      const above = low ? t.compare('Greater', x, low) : undefined;
      const below = high ? t.compare('Less', x, high) : undefined;
      if (above && below) return t.mul(dy, t.indicator(t.compare('And', above, below)));
      const inside = above ?? below;
      return inside ? t.mul(dy, t.indicator(inside)) : dy;
    },
    null,
    null,
  ],
};

/** HardSigmoid-6: max(0, min(1, alpha * x + beta)). */
export const hardSigmoid = unary((t, dy, _x, y, n) => {
  const inside = t.compare('And', t.compare('Greater', y, t.scalar(0)), t.compare('Less', y, one(t)));
  return t.mul(t.scale(dy, attrFloat(n.node, 'alpha', 0.2)), t.indicator(inside));
});

/** HardSwish-14: x * max(0, min(1, x/6 + 1/2)); slope x/3 + 1/2 between -3 and 3. */
export const hardSwish = unary((t, dy, x) => {
  const inside = t.compare('And', t.compare('Greater', x, t.scalar(-3)), t.compare('Less', x, t.scalar(3)));
  const slope = t.add(t.scale(x, 1 / 3), t.scalar(0.5));
  const outside = t.indicator(t.compare('GreaterOrEqual', x, t.scalar(3)));
  return t.mul(dy, t.where(inside, slope, outside));
});

export const where: Row = {
  vjp: (t, n, dy) => {
    const condition = n.inputs[0]!;
    return [null, () => t.where(condition, dy, t.scalar(0)), () => t.where(condition, t.scalar(0), dy)];
  },
};

export const identity: Row = { vjp: (_t, _n, dy) => [() => dy] };
