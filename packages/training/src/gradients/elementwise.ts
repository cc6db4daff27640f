/** Gradients of element-wise arithmetic. Broadcast inputs get their full-size gradient here; the walker sums it. */
import { attrInt, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Applied, Row } from './row.js';

/** A row for a unary operator from dx = f(dy, x, y). */
export function unary(dx: (t: Tape, dy: string, x: string, y: string, applied: Applied) => string): Row {
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

export const sum: Row = { vjp: (_t, n, dy) => n.inputs.map(() => () => dy) };

export const mean: Row = { vjp: (t, n, dy) => n.inputs.map(() => () => t.scale(dy, 1 / n.inputs.length)) };

/** Mod-13 with fmod=1: a - b * trunc(a / b); the remainder's sign is that of a. Integers have no gradient. */
export const mod: Row = {
  unsupported: (node: Node) => (attrInt(node, 'fmod', 0) === 1 ? undefined : 'without fmod it is for integers'),
  vjp: (t, n, dy) => [
    () => dy,
    () => {
      const [a, b] = [n.inputs[0]!, n.inputs[1]!];
      const quotient = t.unary('Round', t.div(t.sub(a, n.outputs[0]!), b));
      return t.unary('Neg', t.mul(dy, quotient));
    },
  ],
};

/** The elements of a float constant, or undefined when the graph computes them. */
function constantFloats(t: Tape, name: string): readonly number[] | undefined {
  const value = t.initializers.get(name)?.value;
  if (!value || !('data' in value) || typeof value.data[0] === 'string') return undefined;
  return value.dtype === 'float32' || value.dtype === 'int64' || value.dtype === 'int32'
    ? Array.from(value.data, Number)
    : undefined;
}

/** Pow-15: exponents may be integers. x^0 has slope 0 also at 0, where 0 * 0^-1 would be no number. */
export const pow: Row = {
  vjp: (t, n, dy) => {
    const [x, exponent] = [n.inputs[0]!, n.inputs[1]!];
    const known = constantFloats(t, exponent);
    return [
      () => {
        if (known?.length === 1) return powerSlope(t, dy, x, known[0]!);
        const e = asFloat(t, exponent);
        const slope = t.mul(e, t.binary('Pow', x, t.sub(e, one(t))));
        const safe = known?.every((v) => v !== 0) ? slope : t.where(isZero(t, e), t.scalar(0), slope);
        return t.mul(dy, safe);
      },
      () => {
        const logged = t.mul(n.outputs[0]!, t.unary('Log', x));
        return t.mul(dy, t.where(isZero(t, x), t.scalar(0), logged));
      },
    ];
  },
};

const isZero = (t: Tape, x: string): string => t.compare('Equal', x, t.scalar(0));

/** TensorProto.DataType.FLOAT is 1. */
function asFloat(t: Tape, x: string): string {
  return t.types.get(x) === 'float32' ? x : t.indicator(x);
}

/** dy * e * x^(e - 1) for one known exponent. */
function powerSlope(t: Tape, dy: string, x: string, e: number): string {
  if (e === 0) return t.zeros(t.shape(x));
  if (e === 1) return dy;
  const power = e === 2 ? x : t.binary('Pow', x, t.scalar(e - 1));
  return t.mul(dy, t.scale(power, e));
}

/** The largest (or smallest) operand gets the gradient; equal operands share it. */
function selecting(op: 'Greater' | 'Less'): Row {
  return {
    vjp: (t, n, dy) => {
      if (n.inputs.length === 1) return [() => dy];
      if (n.inputs.length === 2) {
        const share = (mine: string, other: string): string => {
          const wins = t.indicator(t.compare(op, mine, other));
          const ties = t.scale(t.indicator(t.compare('Equal', mine, other)), 0.5);
          return t.mul(dy, t.add(wins, ties));
        };
        return [() => share(n.inputs[0]!, n.inputs[1]!), () => share(n.inputs[1]!, n.inputs[0]!)];
      }
      const chosen = n.inputs.map((x) => t.indicator(t.compare('Equal', x, n.outputs[0]!)));
      const part = t.div(
        dy,
        chosen.reduce((a, b) => t.add(a, b)),
      );
      return chosen.map((mask) => () => t.mul(part, mask));
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

/** 2 / sqrt(pi) * exp(-x^2) */
export const erf = unary((t, dy, x) =>
  t.mul(dy, t.scale(t.unary('Exp', t.unary('Neg', t.mul(x, x))), 2 / Math.sqrt(Math.PI))),
);

/**
 * Clip-13: min(max(x, low), high). Bounds are optional inputs, which may be learned (arXiv 1805.06085); ReLU6 is Clip(0, 6).
 * Where the lower bound is above the upper one, the upper one is the result.
 */
export const clip: Row = {
  vjp: (t, n, dy) => {
    const [x, low, high] = [n.inputs[0]!, n.inputs[1], n.inputs[2]];
    const where = (...conditions: (string | undefined)[]): string => {
      const all = conditions.filter((c) => c !== undefined);
      return all.length > 0 ? t.mul(dy, t.indicator(all.reduce((a, b) => t.compare('And', a, b)))) : dy;
    };
    const less = (a: string | undefined, b: string | undefined) => (a && b ? t.compare('Less', a, b) : undefined);
    return [
      () => where(less(low, x), less(x, high)),
      () => where(less(x, low), less(low, high)),
      () => where(less(high, low ? t.binary('Max', x, low) : x)),
    ];
  },
};

export const where: Row = {
  vjp: (t, n, dy) => {
    const condition = n.inputs[0]!;
    return [null, () => t.where(condition, dy, t.scalar(0)), () => t.where(condition, t.scalar(0), dy)];
  },
};

export const identity: Row = { vjp: (_t, _n, dy) => [() => dy] };

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16', 'bfloat16', 'float64']);

/** Cast and CastLike: a real number that became an integer has no gradient. */
export const cast: Row = {
  vjp: (t, n, dy) => [FLOATS.has(t.types.get(n.outputs[0]!) ?? '') ? () => dy : null, null],
};

/** Piecewise constant in every input: rounding, comparisons, positions, sizes. Nothing flows back. */
export const flat: Row = { vjp: (_t, n) => n.inputs.map(() => null) };
