/** LpPool and GlobalLpPool: p-norms of windows, and of whole images. */
import { attrInt } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { poolWindow, sumBack } from './pooling.js';
import type { Row } from './row.js';

/** dy * y^(1 - p), and 0 where the norm is 0: the share of each output in the slope of its norm. */
function perNorm(t: Tape, dy: string, y: string, p: number): string {
  if (p === 1) return dy;
  const share = p === 2 ? t.div(dy, y) : t.mul(dy, t.binary('Pow', y, t.scalar(1 - p)));
  return t.where(t.compare('Equal', y, t.scalar(0)), t.scalar(0), share);
}

/** sign(x) * |x|^(p - 1) */
function signedPower(t: Tape, x: string, p: number): string {
  if (p === 1) return t.unary('Sign', x);
  if (p === 2) return x;
  return t.mul(t.unary('Sign', x), t.binary('Pow', t.unary('Abs', x), t.scalar(p - 1)));
}

export const lpPool: Row = {
  vjp: (t, n, dy) => [
    () => {
      const [x, y] = [n.inputs[0]!, n.outputs[0]!];
      const p = attrInt(n.node, 'p', 2);
      const shares = sumBack(t, poolWindow(t, n.node, x, t.shape(y)), perNorm(t, dy, y, p), t.shape(x));
      return t.mul(shares, signedPower(t, x, p));
    },
  ],
};

export const globalLpPool: Row = {
  vjp: (t, n, dy) => [
    () => {
      const [x, y] = [n.inputs[0]!, n.outputs[0]!];
      const p = attrInt(n.node, 'p', 2);
      return t.mul(perNorm(t, dy, y, p), signedPower(t, x, p));
    },
  ],
};
