/** Gradients of matrix products. */
import { float, int, attrFloat, attrInt } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { outer } from './outer.js';
import type { Row } from './row.js';

const rows = (shape: Shape): number => shape.slice(0, -1).reduce((a, b) => a * b, 1);

/** numpy.matmul: a vector operand takes part as a row (first) or a column (second) that the result does not show. */
function asMatrices(t: Tape, a: string, b: string, dy: string): [string, string, string] {
  const [sa, sb, sy] = [t.shape(a), t.shape(b), t.shape(dy)];
  const left = sa.length === 1 ? t.reshape(a, [1, sa[0]!]) : a;
  const right = sb.length === 1 ? t.reshape(b, [sb[0]!, 1]) : b;
  let shape = sy;
  if (sb.length === 1) shape = [...shape, 1];
  if (sa.length === 1) shape = [...shape.slice(0, -1), 1, shape[shape.length - 1]!];
  return [left, right, t.reshape(dy, shape)];
}

export const matMul: Row = {
  vjp: (t, n, dy) => {
    const [a, b, d] = asMatrices(t, n.inputs[0]!, n.inputs[1]!, dy);
    const restore = (gradient: string, like: string, matrix: string): string =>
      t.reshape(t.sumTo(gradient, t.shape(matrix)), t.shape(like));
    return [
      () => restore(t.matmul(d, t.transposeLast(b)), n.inputs[0]!, a),
      () => {
        const [sa, sb, sd] = [t.shape(a), t.shape(b), t.shape(d)];
        // A weight matrix under a batch of rows: one product over all rows instead of a sum of many.
        if (sb.length === 2 && sa.length > 2) {
          const flatA = t.reshape(a, [rows(sa), sa[sa.length - 1]!]);
          const flatD = t.reshape(d, [rows(sd), sd[sd.length - 1]!]);
          return restore(outer(t, flatA, flatD), n.inputs[1]!, b);
        }
        if (sa.length === 2 && sb.length === 2) return restore(outer(t, a, d), n.inputs[1]!, b);
        return restore(t.matmul(t.transposeLast(a), d), n.inputs[1]!, b);
      },
    ];
  },
};

/** Gemm-13: Y = alpha * A' B' + beta * C, where A' is A or its transpose; the gradients are Gemms again. */
export const gemm: Row = {
  vjp: (t, n, dy) => {
    const [a, b, c] = [n.inputs[0]!, n.inputs[1]!, n.inputs[2]];
    const alpha = attrFloat(n.node, 'alpha', 1);
    const beta = attrFloat(n.node, 'beta', 1);
    const transA = attrInt(n.node, 'transA', 0);
    const transB = attrInt(n.node, 'transB', 0);
    const product = (x: string, y: string, tx: number, ty: number, like: string): string =>
      t.emit('Gemm', [x, y], t.shape(like), { alpha: float(alpha), transA: int(tx), transB: int(ty) });
    return [
      () => (transA ? product(b, dy, transB, 1, a) : product(dy, b, 0, 1 - transB, a)),
      () => {
        if (transA) return transB ? product(dy, a, 1, 1, b) : product(a, dy, 0, 0, b);
        return transB ? outer(t, dy, a, alpha) : outer(t, a, dy, alpha);
      },
      c ? () => t.scale(dy, beta) : null,
    ];
  },
};
