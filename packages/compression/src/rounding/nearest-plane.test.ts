import { Random } from '@verge/data';
import { createSession } from '@verge/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { Products } from '../linear-algebra/products.js';
import { errorsOf, factored, rounded, type Bounds, type Columns } from './nearest-plane.js';

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

/** The solution of a system of equations, by elimination. */
function solved(matrix: number[][], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  rows.forEach((pivot, i) => {
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = row[i]! / pivot[i]!;
      for (let j = i; j < row.length; j++) row[j]! -= factor * pivot[j]!;
    }
  });
  return rows.map((row, i) => row.at(-1)! / row[i]!);
}

const free: Bounds = { low: -127, high: 127, partners: null, largestPair: 128 };

describe('rounding for the least change of what a layer gives', () => {
  it('comes within a fifth of the best of all roundings up or down, which was searched', async () => {
    const length = 8;
    const { columns, h } = problem(length, 24, 3);
    const found = await rounded(
      columns,
      await factored(h, length, products),
      free,
      Int8Array.from(columns.wanted, Math.round),
      products,
    );
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
    const { levels, before, after } = await rounded(
      columns,
      await factored(h, length, products),
      bounds,
      nearest,
      products,
    );
    for (let n = 0; n < columns.count; n++) {
      expect(before[n]! / objective(columns, h, nearest, n)).toBeCloseTo(1, 9);
      expect(after[n]! / objective(columns, h, levels, n)).toBeCloseTo(1, 9);
      expect(after[n]).toBeLessThan(before[n]!);
      const own = Array.from({ length }, (_, k) => levels[k * columns.count + n]!);
      expect(Math.max(...own.map(Math.abs))).toBeLessThanOrEqual(90);
      expect(Math.max(...own.map((q, k) => Math.abs(q + own[k ^ 1]!)))).toBeLessThanOrEqual(128);
    }
  });

  it('rounds blocks with steps and zero points of their own as the formula does, place by place', async () => {
    const [length, count, size] = [40, 3, 16];
    const { columns, h } = problem(length, count, 6, 1);
    const random = new Random(7);
    const blocks = {
      size,
      steps: Float64Array.from({ length: 3 * count }, () => 0.1 + random.unit() * 0.1),
      zeros: Uint8Array.from({ length: 3 * count }, () => 6 + Math.floor(random.unit() * 4)),
    };
    const given = { ...columns, blocks };
    const bounds: Bounds = { low: 0, high: 15, partners: null, largestPair: Infinity };
    const at = (k: number, n: number): number => Math.floor(k / size) * count + n;
    const place = (w: number, k: number, n: number): number =>
      Math.min(15, Math.max(0, Math.round(w / blocks.steps[at(k, n)]! + blocks.zeros[at(k, n)]!)));
    const value = (q: number, k: number, n: number): number => (q - blocks.zeros[at(k, n)]!) * blocks.steps[at(k, n)]!;
    const nearest = Uint8Array.from(columns.wanted, (w, i) => place(w, Math.floor(i / count), i % count));
    const of = await factored(h, length, products);
    const { levels, before, after } = await rounded(given, of, bounds, nearest, products);
    const objectiveOf = (q: ArrayLike<number>, n: number): number =>
      objective({ ...columns, wanted: new Float64Array(length * count) }, h, Array.from(errorsOf(given, q)), n);
    for (let n = 0; n < count; n++) {
      // The best that places which are not rounded yet can do is taken into the target of the next (equation by equation).
      const error = new Map<number, number>();
      const expected = new Map<number, number>();
      for (const k of of.order.toReversed()) {
        const rest = [...of.order].filter((j) => !error.has(j));
        const pull = rest.map((j) => [...error].reduce((sum, [d, e]) => sum + h[j * length + d]! * e, 0));
        const change = solved(rest.map((i) => rest.map((j) => h[i * length + j]!)), pull)[rest.indexOf(k)]!; // prettier-ignore
        const q = place(columns.wanted[k * count + n]! - change, k, n);
        expected.set(k, q);
        error.set(k, value(q, k, n) - columns.wanted[k * count + n]!);
      }
      const own = Array.from({ length }, (_, k) => levels[k * count + n]!);
      expect(own).toEqual(Array.from({ length }, (_, k) => expected.get(k)!));
      expect(before[n]! / objectiveOf(nearest, n)).toBeCloseTo(1, 9);
      expect(after[n]! / objectiveOf(levels, n)).toBeCloseTo(1, 9);
      expect(after[n]).toBeLessThan(before[n]!);
    }
  });
});
