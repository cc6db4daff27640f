/** Gradients of activation functions. Masks come from the output where they can, so that the input need not be kept. */
import { attrFloat, attrString, float, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { unary } from './elementwise.js';
import type { Row } from './row.js';
import { elementwise } from './tiles.js';

const one = (t: Tape): string => t.scalar(1);
const isPositive = (t: Tape, x: string): string => t.compare('Greater', x, t.scalar(0));

export const sigmoid = unary((t, dy, _x, y) => t.mul(dy, t.mul(y, t.sub(one(t), y))));
export const tanh = unary((t, dy, _x, y) => t.mul(dy, t.sub(one(t), t.mul(y, y))));
export const softplus = unary((t, dy, x) => t.mul(dy, t.unary('Sigmoid', x)));

/** Softsign-1: x / (1 + |x|), whose slope is (1 - |y|)^2. */
export const softsign = unary((t, dy, _x, y) => {
  const root = t.sub(one(t), t.unary('Abs', y));
  return t.mul(dy, t.mul(root, root));
});

/** Steep enough to be a step to whatever float32 holds of an activation. */
const STEP = 1e30;

/**
 * Where y is above 0. HardSigmoid does it in one pass (0.32 ms for a million elements), a comparison and a Cast in 0.56, and a Where costs
 * more than both.
 */
export const relu = unary((t, dy, _x, y) =>
  t.mul(dy, t.emit('HardSigmoid', [y], t.shape(y), { alpha: float(STEP), beta: float(0) })),
);

export const leakyRelu = unary((t, dy, x, _y, n) => {
  const alpha = t.scalar(attrFloat(n.node, 'alpha', 0.01));
  return t.mul(dy, t.where(isPositive(t, x), one(t), alpha));
});

/** PRelu-16: slope * x below 0; the slope is broadcast to x and learned. */
export const pRelu: Row = {
  vjp: (t, n, dy) => {
    const [x, slope] = [n.inputs[0]!, n.inputs[1]!];
    return [
      () => t.mul(dy, t.where(t.compare('Less', x, t.scalar(0)), slope, one(t))),
      () => t.mul(dy, t.binary('Min', x, t.scalar(0))),
    ];
  },
};

/** ThresholdedRelu-10: x above alpha, else 0. */
export const thresholdedRelu = unary((t, dy, x, _y, n) =>
  t.mul(dy, t.indicator(t.compare('Greater', x, t.scalar(attrFloat(n.node, 'alpha', 1))))),
);

/** Elu-6: alpha * (exp(x) - 1) at and below 0, where the slope is y + alpha. */
export const elu = unary((t, dy, x, y, n) => {
  const below = t.add(y, t.scalar(attrFloat(n.node, 'alpha', 1)));
  return t.mul(dy, t.where(isPositive(t, x), one(t), below));
});

/** Selu-6: gamma * x above 0, gamma * alpha * (exp(x) - 1) elsewhere. */
export const selu = unary((t, dy, x, y, n) => {
  const gamma = attrFloat(n.node, 'gamma', 1.0507009873554805);
  const alpha = attrFloat(n.node, 'alpha', 1.6732632423543772);
  return t.mul(dy, t.where(isPositive(t, x), t.scalar(gamma), t.add(y, t.scalar(gamma * alpha))));
});

/** Celu-12: alpha * (exp(x / alpha) - 1) below 0, where the slope is y / alpha + 1. */
export const celu = unary((t, dy, x, y, n) => {
  const below = t.add(t.scale(y, 1 / attrFloat(n.node, 'alpha', 1)), one(t));
  return t.mul(dy, t.where(isPositive(t, x), one(t), below));
});

/** Shrink-9: moves everything beyond lambd by bias towards 0, and what is within to 0. */
export const shrink = unary((t, dy, x, _y, n) =>
  t.mul(dy, t.indicator(t.compare('Greater', t.unary('Abs', x), t.scalar(attrFloat(n.node, 'lambd', 0.5))))),
);

/** HardSigmoid-6: max(0, min(1, alpha * x + beta)). */
export const hardSigmoid = unary((t, dy, _x, y, n) => {
  const inside = t.compare('And', isPositive(t, y), t.compare('Less', y, one(t)));
  return t.mul(t.scale(dy, attrFloat(n.node, 'alpha', 0.2)), t.indicator(inside));
});

/** HardSwish-14: x * max(0, min(1, x/6 + 1/2)); slope x/3 + 1/2 between -3 and 3. */
export const hardSwish = unary((t, dy, x) => {
  const inside = t.compare('And', t.compare('Greater', x, t.scalar(-3)), t.compare('Less', x, t.scalar(3)));
  const slope = t.affine(x, 1 / 3, 0.5);
  const outside = t.indicator(t.compare('GreaterOrEqual', x, t.scalar(3)));
  return t.mul(dy, t.where(inside, slope, outside));
});

/** A row for x * gate(x): the forward pass keeps what the slope needs. */
function gated(
  write: (t: Tape, x: string, alpha: number) => { gate: string },
  slope: (t: Tape, x: string, y: string, gate: string, alpha: number) => string,
): Row {
  return {
    forward(t, node) {
      const kept = write(t, node.inputs[0]!, attrFloat(node, 'alpha', 1));
      t.node('Mul', [node.inputs[0]!, kept.gate], [node.outputs[0]!]);
      return kept;
    },
    vjp: (t, n, dy) => [
      () => {
        const alpha = attrFloat(n.node, 'alpha', 1);
        return t.mul(dy, slope(t, n.inputs[0]!, n.outputs[0]!, n.saved['gate']!, alpha));
      },
    ],
  };
}

/** Swish-24: x * s, s = sigmoid(alpha * x); slope s + alpha * y * (1 - s). */
export const swish = gated(
  (t, x, alpha) => ({ gate: t.unary('Sigmoid', t.scale(x, alpha)) }),
  (t, _x, y, gate, alpha) => t.add(gate, t.mul(t.scale(y, alpha), t.sub(one(t), gate))),
);

/** Mish-18: x * g, g = tanh(softplus(x)); slope g + x * sigmoid(x) * (1 - g^2). */
export const mish = gated(
  (t, x) => ({ gate: t.unary('Tanh', t.unary('Softplus', x)) }),
  (t, x, _y, gate) => t.add(gate, t.mul(t.mul(x, t.unary('Sigmoid', x)), t.sub(one(t), t.mul(gate, gate)))),
);

/** A function and its slope at the same places. */
interface Sloped {
  readonly y: string;
  readonly slope: string;
}

/** x * g, g = (1 + erf(x / sqrt(2))) / 2; slope g + x * exp(-x^2 / 2) / sqrt(2 pi). */
function exactGelu(t: Tape, x: string): Sloped {
  const gate = t.affine(t.unary('Erf', t.scale(x, Math.SQRT1_2)), 0.5, 0.5);
  // The factor goes into the exponent, which is shifted anyway.
  const density = t.unary('Exp', t.affine(t.mul(x, x), -0.5, -0.5 * Math.log(2 * Math.PI)));
  return { y: t.mul(x, gate), slope: t.add(gate, t.mul(x, density)) };
}

const TANH_SLOPE = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

/** x * g, g = sigmoid(2 c (x + 0.044715 x^3)), c = sqrt(2 / pi), which is (1 + tanh) / 2; slope g + x * g'. */
function tanhGelu(t: Tape, x: string): Sloped {
  const square = t.mul(x, x);
  const bend = t.affine(square, 2 * TANH_SLOPE * TANH_CUBIC, 2 * TANH_SLOPE);
  const gate = t.unary('Sigmoid', t.mul(x, bend));
  const rise = t.affine(square, 6 * TANH_SLOPE * TANH_CUBIC, 2 * TANH_SLOPE);
  const y = t.mul(x, gate);
  return { y, slope: t.add(gate, t.mul(t.mul(y, t.sub(one(t), gate)), rise)) };
}

function geluOf(t: Tape, x: string, node: Node): Sloped {
  const write = attrString(node, 'approximate', 'none') === 'tanh' ? tanhGelu : exactGelu;
  const [y, slope] = elementwise(t, [x], (tile, [input]) => {
    const both = write(tile, input!);
    return [both.y, both.slope];
  });
  return { y: y!, slope: slope! };
}

/**
 * Gelu-20 (arXiv 1606.08415), exact or by its tanh approximation. The forward pass makes the slope along with the output, in tiles, and keeps it
 * instead of the input: the error function is computed once (22.8 million elements, both directions: 102 ms instead of 121).
 */
export const gelu: Row = {
  forward(t, node) {
    const { y, slope } = geluOf(t, node.inputs[0]!, node);
    t.node('Identity', [y], [node.outputs[0]!]);
    return { slope };
  },
  // Nothing was saved for a node that a gradient is differentiated through.
  vjp: (t, n, dy) => [() => t.mul(dy, n.saved['slope'] ?? geluOf(t, n.inputs[0]!, n.node).slope)],
};
