import { Random } from '@verge/data';
import { createSession } from '@verge/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { Products } from '../linear-algebra/products.js';
import { rounded, type Bounds, type Columns } from './nearest-plane.js';

const products = new Products(createSession);
afterAll(() => products.release());

/** Second moments of rows that have much in common, and weights of a few levels. */
function problem(length: number, count: number, seed: number, size = 5): { columns: Columns; h: Float64Array } {
  const random = new Random(seed);
  const rows = Array.from({ length: 3 * length }, () => {
    const common = random.symmetric(2);
    return Float64Array.from({ length }, () => common + random.symmetric(1));
  });
  const h = new Float64Array(length * length);
  for (const row of rows) row.forEach((x, i) => row.forEach((y, j) => (h[i * length + j]! += x * y)));
  return { columns: { length, count, wanted: Float64Array.from({ length: length * count }, () => random.symmetric(size)) }, h }; // prettier-ignore
}

/** (q - w)^T H (q - w), as it is written. */
function objective({ length, count, wanted }: Columns, h: Float64Array, levels: ArrayLike<number>, n: number): number {
  const error = Array.from({ length }, (_, k) => levels[k * count + n]! - wanted[k * count + n]!);
  return error.reduce((sum, a, i) => sum + error.reduce((s, b, j) => s + a * h[i * length + j]! * b, 0), 0);
}

const free: Bounds = { low: -127, high: 127, partners: null, largestPair: 128 };

describe('rounding for the least change of what a layer gives', () => {
  it('comes within a fifth of the best of all roundings up or down, which was searched', async () => {
    const length = 8;
    const { columns, h } = problem(length, 24, 3);
    const found = await rounded(columns, h, free, Int8Array.from(columns.wanted, Math.round), products);
    let [best, ours, nearest] = [0, 0, 0];
    for (let n = 0; n < columns.count; n++) {
      const least = Array.from(
        { length: 2 ** length },
        (_, bits) =>
        objective(columns, h, columns.wanted.map((w, i) => Math.floor(w) + ((bits >> Math.floor(i / columns.count)) & 1)), n), // prettier-ignore
      );
      best += Math.min(...least);
      ours += objective(columns, h, found.levels, n);
      nearest += found.before[n]!;
    }
    expect(ours).toBeLessThan(1.2 * best);
    expect(ours).toBeLessThan(0.5 * nearest);
  });

  it('says what it is, never above the nearest levels, over several blocks of places and within all bounds', async () => {
    const length = 150;
    const { columns, h } = problem(length, 5, 4, 100);
    // Places 2k and 2k + 1 are added in 16 bits.
    const partners = Int32Array.from({ length }, (_, k) => k ^ 1);
    const nearest = Int8Array.from(columns.wanted, (w) => Math.max(-60, Math.min(60, Math.round(w))));
    const bounds: Bounds = { ...free, low: -90, high: 90, partners };
    const { levels, before, after } = await rounded(columns, h, bounds, nearest, products);
    for (let n = 0; n < columns.count; n++) {
      expect(before[n]! / objective(columns, h, nearest, n)).toBeCloseTo(1, 9);
      expect(after[n]! / objective(columns, h, levels, n)).toBeCloseTo(1, 9);
      expect(after[n]).toBeLessThan(before[n]!);
      const own = Array.from({ length }, (_, k) => levels[k * columns.count + n]!);
      expect(Math.max(...own.map(Math.abs))).toBeLessThanOrEqual(90);
      expect(Math.max(...own.map((q, k) => Math.abs(q + own[k ^ 1]!)))).toBeLessThanOrEqual(128);
    }
  });
});
