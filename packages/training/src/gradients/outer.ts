/**
 * A^T B of [n, rows] and [n, columns], as the gradients of weights are. ONNX Runtime's product turns A while it reads it, anew for each strip of
 * columns, which costs more than turning it once (rows x n x columns, ms, AVX-512: 1536x784x384 10.7 for 11.8, 384x784x1536 9.4 for 11.4,
 * 96x12544x384 12.3 for 15.5).
 */
import { float, int } from '@verge/onnx';
import type { Tape } from '../tape.js';

/** Columns that one strip has. */
const STRIP = 128;
/** Where the sum runs over so many times the rows, and these are so many times the columns, B and the result are turned: 384x12544x96 12.3 ms for 14.7. */
const [LONG, WIDE] = [4, 2];

/** The transpose of a matrix, through three axes: ONNX Runtime's optimiser would have each product transpose its operand while it reads it. */
export function laidOut(t: Tape, value: string): string {
  const [rows, columns] = t.shape(value) as [number, number];
  const turned = (): string => t.reshape(t.transposeLast(t.reshape(value, [1, rows, columns])), [columns, rows]);
  return t.once(`laid out:${value}`, turned);
}

/** alpha A^T B. A Gemm can add to something else on the way (momentum.ts). */
export function outer(t: Tape, a: string, b: string, alpha = 1): string {
  const [count, rows] = t.shape(a) as [number, number];
  const columns = t.shape(b)[1]!;
  const product = (x: string, y: string, turn: number): string => {
    const shape = [t.shape(x)[turn]!, t.shape(y)[1]!];
    return t.emit('Gemm', [x, y], shape, { alpha: float(alpha), transA: int(turn) });
  };
  if (rows >= WIDE * columns && count >= LONG * rows) return laidOut(t, product(laidOut(t, b), a, 0));
  return columns > STRIP ? product(laidOut(t, a), b, 0) : product(a, b, 1);
}
