/** Gradients of circular and hyperbolic functions and their inverses. */
import type { Tape } from '../tape.js';
import { unary } from './elementwise.js';

const square = (t: Tape, x: string): string => t.mul(x, x);
const one = (t: Tape): string => t.scalar(1);

/** dy / sqrt(value) */
const overRoot = (t: Tape, dy: string, value: string): string => t.div(dy, t.unary('Sqrt', value));

export const sin = unary((t, dy, x) => t.mul(dy, t.unary('Cos', x)));
export const cos = unary((t, dy, x) => t.unary('Neg', t.mul(dy, t.unary('Sin', x))));
/** 1 + tan^2 */
export const tan = unary((t, dy, _x, y) => t.mul(dy, t.add(one(t), square(t, y))));
export const asin = unary((t, dy, x) => overRoot(t, dy, t.sub(one(t), square(t, x))));
export const acos = unary((t, dy, x) => t.unary('Neg', overRoot(t, dy, t.sub(one(t), square(t, x)))));
export const atan = unary((t, dy, x) => t.div(dy, t.add(one(t), square(t, x))));
export const sinh = unary((t, dy, x) => t.mul(dy, t.unary('Cosh', x)));
export const cosh = unary((t, dy, x) => t.mul(dy, t.unary('Sinh', x)));
export const asinh = unary((t, dy, x) => overRoot(t, dy, t.add(square(t, x), one(t))));
export const acosh = unary((t, dy, x) => overRoot(t, dy, t.sub(square(t, x), one(t))));
export const atanh = unary((t, dy, x) => t.div(dy, t.sub(one(t), square(t, x))));
