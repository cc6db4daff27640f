import { Random } from '@verge/data';
import { createSession } from '@verge/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { eigen, leadingSpace } from './leading-space.js';
import { orthonormal } from './orthonormal.js';
import { dense, Products, type Dense } from './products.js';

const products = new Products(createSession);
afterAll(() => products.release());

function randomRows(rows: number, columns: number, seed: number, size: (row: number) => number = () => 1): Dense {
  const random = new Random(seed);
  const value = (_: unknown, i: number): number => random.symmetric(1) * size(Math.floor(i / columns));
  return dense(rows, columns, Float64Array.from({ length: rows * columns }, value));
}

const trace = ({ rows, data }: Dense): number =>
  Array.from({ length: rows }, (_, i) => data[i * rows + i]!).reduce((a, b) => a + b);

/** Largest element of |V V^T - I|. */
async function skew(vectors: Dense): Promise<number> {
  const { data, rows } = await products.abt(vectors, vectors);
  return data.reduce((worst, v, i) => Math.max(worst, Math.abs(v - (i % (rows + 1) === 0 ? 1 : 0))), 0);
}

/** What a space holds of the energy. */
const held = async (space: Dense, gram: Dense): Promise<number> =>
  trace(await products.abt(await products.ab(space, gram), space));

describe('eigen', () => {
  it('finds vectors that the matrix only scales, the largest value first', async () => {
    const rows = randomRows(40, 40, 1);
    const gram = await products.atb(rows, rows);
    const { values, vectors } = eigen(gram);
    const scaled = await products.ab(vectors, gram);
    vectors.data.forEach((v, i) => expect(scaled.data[i]).toBeCloseTo(v * values[Math.floor(i / 40)]!, 10));
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
  });
});

describe('leadingSpace', () => {
  it.each([
    ['that falls off', (row: number): number => 1 / (1 + row)],
    ['without an order', (): number => 1],
  ])('of a large matrix holds nearly what the eigenvectors hold, for a spectrum %s', async (_, size) => {
    const n = 200;
    const rows = randomRows(n, n, 2, size);
    const gram = await products.atb(rows, rows);
    const best = eigen(gram)
      .values.slice(0, 80)
      .reduce((a, b) => a + b);
    const space = await leadingSpace(gram, 80, products);
    expect([space.rows, space.columns]).toEqual([80, n]);
    expect(best - (await held(space, gram))).toBeLessThan(0.05 * (trace(gram) - best));
    expect(await skew(space)).toBeLessThan(1e-10);
    const again = await leadingSpace(gram, 80, products, space);
    expect(await held(again, gram)).toBeGreaterThanOrEqual(await held(space, gram));
  });

  it('of a small matrix is that of the eigenvectors', async () => {
    const rows = randomRows(60, 60, 3);
    const gram = await products.atb(rows, rows);
    const best = eigen(gram)
      .values.slice(0, 9)
      .reduce((a, b) => a + b);
    expect(await held(await leadingSpace(gram, 9, products), gram)).toBeCloseTo(best, 9);
  });

  it('has as many rows as were asked for where the matrix has fewer dimensions', async () => {
    const rows = randomRows(20, 150, 4);
    const space = await leadingSpace(await products.atb(rows, rows), 30, products);
    expect(space.rows).toBe(30);
    expect(await skew(space)).toBeLessThan(1e-10);
  });
});

describe('orthonormal', () => {
  it('keeps what rows span, in order, however unlike their sizes', async () => {
    const rows = randomRows(30, 50, 5, (row) => 10 ** (-row / 6));
    const made = await orthonormal(rows, products);
    expect(await skew(made)).toBeLessThan(1e-12);
    // Each row is what it was, less what earlier rows hold.
    const shares = await products.abt(rows, made);
    for (let r = 0; r < 30; r++)
      for (let later = r + 1; later < 30; later++) expect(Math.abs(shares.data[r * 30 + later]!)).toBeLessThan(1e-10);
  });
});

describe('Products', () => {
  it('multiply, with either factor transposed', async () => {
    const a = dense(2, 3, Float64Array.of(1, 2, 3, 4, 5, 6));
    const b = dense(3, 2, Float64Array.of(7, 8, 9, 10, 11, 12));
    expect([...(await products.ab(a, b)).data]).toEqual([58, 64, 139, 154]);
    expect([...(await products.atb(a, a)).data]).toEqual([17, 22, 27, 22, 29, 36, 27, 36, 45]);
    expect([...(await products.abt(a, a)).data]).toEqual([14, 32, 32, 77]);
  });
});
