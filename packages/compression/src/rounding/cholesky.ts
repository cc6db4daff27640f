/** The Cholesky factor of a large matrix, with its products on the executor. */
import { dense, type Products } from '../linear-algebra/products.js';

/** Rows that are factored at a time. */
const BLOCK = 64;

/** Takes a block's first row out of its other rows, then its second, and so on: rows `start` to `end` of U come out. */
function factorRows(u: Float64Array, length: number, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    const row = u.subarray(i * length, (i + 1) * length);
    const pivot = Math.sqrt(Math.max(row[i]!, Number.MIN_VALUE));
    for (let j = i; j < length; j++) row[j]! /= pivot;
    for (let k = i + 1; k < end; k++) {
      const factor = row[k]!;
      if (factor === 0) continue;
      const at = k * length;
      for (let j = k; j < length; j++) u[at + j]! -= factor * row[j]!;
    }
  }
}

/**
 * @param h symmetric, positive definite, [length, length]
 * @param order row and column i of what is factored are these of `h`
 * @returns U, upper triangular, [length, length]: h in this order is U^T U
 */
export async function upperCholesky(h: Float64Array, order: Int32Array, products: Products): Promise<Float64Array> {
  const { length } = order;
  const u = new Float64Array(length * length);
  for (let i = 0; i < length; i++)
    for (let j = i; j < length; j++) u[i * length + j] = h[order[i]! * length + order[j]!]!;
  for (let start = 0; start < length; start += BLOCK) {
    const end = Math.min(length, start + BLOCK);
    factorRows(u, length, start, end);
    if (end === length) break;
    const rest = length - end;
    const above = new Float64Array((end - start) * rest);
    for (let i = start; i < end; i++) above.set(u.subarray(i * length + end, (i + 1) * length), (i - start) * rest);
    const rows = dense(end - start, rest, above);
    const { data } = await products.atb(rows, rows);
    for (let i = 0; i < rest; i++)
      for (let j = i; j < rest; j++) u[(end + i) * length + end + j]! -= data[i * rest + j]!;
  }
  return u;
}
