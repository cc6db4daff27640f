import { Random } from '@verge/data';
import { createSession } from '@verge/runtime';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { afterAll, describe, expect, it } from 'vitest';
import { Products } from '../../linear-algebra/products.js';
import { cp } from './cp.js';
import { type Decomposed, type Kernel, norm, recompose } from './kernel.js';
import { spatialSvd, svd, tucker2 } from './methods.js';
import { rankByEnergy, ranksByRatio, costOf, wholeCost } from './ranks.js';
import { vbmfRank } from './vbmf.js';

const products = new Products(createSession);
afterAll(() => products.release());

function kernel(outputs: number, inputs: number, window: number[], seed = 1): Kernel {
  const random = new Random(seed);
  const size = window.reduce((a, b) => a * b, outputs * inputs);
  return { outputs, inputs, window, data: Float64Array.from({ length: size }, () => random.symmetric(1)) };
}

/** ||W - W'|| / ||W||, from the layers themselves. */
function lost(original: Kernel, { pieces }: Decomposed): number {
  const made = recompose(pieces, original.window);
  return norm(original.data.map((v, i) => v - made[i]!)) / norm(original.data);
}

/** Root of the share of squared singular values beyond the first `rank`. */
function tail(matrix: Matrix, rank: number): number {
  const values = new SingularValueDecomposition(matrix, { autoTranspose: true }).diagonal.map((v) => v * v);
  const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);
  return Math.sqrt(sum(values.slice(rank)) / sum(values));
}

describe('svd', () => {
  it.each([
    [12, 20],
    [20, 12],
  ])('is the best product of its rank, %i x %i', async (o, i) => {
    const whole = kernel(o, i, []);
    const made = await svd(whole, 5, products);
    expect(made.error).toBeCloseTo(tail(Matrix.from1DArray(o, i, whole.data), 5), 9);
    expect(lost(whole, made)).toBeCloseTo(made.error, 9);
    expect(lost(whole, await svd(whole, 12, products))).toBeLessThan(1e-9);
  });
});

describe('spatialSvd', () => {
  it('splits rows and columns, exactly at full rank and as well as can be below', async () => {
    const whole = kernel(6, 5, [3, 2]);
    expect(lost(whole, await spatialSvd(whole, 12, products))).toBeLessThan(1e-9);
    const made = await spatialSvd(whole, 4, products);
    expect(lost(whole, made)).toBeCloseTo(made.error, 9);
  });
});

describe('tucker2', () => {
  it.each([[[3, 3]], [[5]], [[2, 2, 2]]])(
    'is exact at full ranks, and says what it loses below: %j',
    async (window) => {
      const whole = kernel(8, 6, window);
      expect(lost(whole, await tucker2(whole, { inputs: 6, outputs: 8 }, products))).toBeLessThan(1e-7);
      const made = await tucker2(whole, { inputs: 3, outputs: 4 }, products);
      expect(lost(whole, made)).toBeCloseTo(made.error, 7);
      // It cannot lose less than either axis alone does.
      expect(made.error).toBeGreaterThan(tail(Matrix.from1DArray(8, whole.data.length / 8, whole.data), 4) - 1e-9);
    },
  );

  it('finds a kernel that has such a form', async () => {
    const small = kernel(2, 3, [3, 3], 5);
    const [u, v] = [kernel(8, 2, [], 6), kernel(3, 7, [], 7)];
    const data = new Float64Array(8 * 7 * 9);
    for (let o = 0; o < 8; o++)
      for (let i = 0; i < 7; i++)
        for (let s = 0; s < 9; s++)
          for (let p = 0; p < 2; p++)
            for (let q = 0; q < 3; q++)
              data[(o * 7 + i) * 9 + s]! += u.data[o * 2 + p]! * small.data[(p * 3 + q) * 9 + s]! * v.data[q * 7 + i]!;
    expect(
      lost(
        { outputs: 8, inputs: 7, window: [3, 3], data },
        await tucker2({ outputs: 8, inputs: 7, window: [3, 3], data }, { inputs: 3, outputs: 2 }, products),
      ),
    ).toBeLessThan(1e-7);
  });
});

describe('cp', () => {
  it('finds a kernel that is a sum of three products', async () => {
    const [a, b, y, x] = [kernel(8, 3, [], 1), kernel(6, 3, [], 2), kernel(3, 3, [], 3), kernel(3, 3, [], 4)];
    const data = new Float64Array(8 * 6 * 9);
    for (let o = 0; o < 8; o++)
      for (let i = 0; i < 6; i++)
        for (let s = 0; s < 9; s++)
          for (let r = 0; r < 3; r++)
            data[(o * 6 + i) * 9 + s]! +=
              a.data[o * 3 + r]! * b.data[i * 3 + r]! * y.data[Math.floor(s / 3) * 3 + r]! * x.data[(s % 3) * 3 + r]!;
    const whole = { outputs: 8, inputs: 6, window: [3, 3], data };
    const made = await cp(whole, 3, products);
    expect(made.error).toBeLessThan(2e-3);
    expect(lost(whole, made)).toBeCloseTo(made.error, 4);
  });

  it('says what it loses of any kernel, and loses less with more components', async () => {
    const whole = kernel(6, 6, [3, 3]);
    const errors: number[] = [];
    for (const rank of [4, 12, 24]) {
      const made = await cp(whole, rank, products);
      expect(lost(whole, made)).toBeCloseTo(made.error, 3);
      errors.push(made.error);
    }
    expect(errors).toEqual([...errors].sort((p, q) => q - p));
  });
});

describe('ranks', () => {
  it('by ratio are the largest whole blocks that cost little enough', () => {
    const conv = kernel(64, 64, [3, 3]);
    const steps = { rows: 1, columns: 1 };
    const ranks = ranksByRatio(conv, 'tucker', steps, 2, 8)!;
    expect(ranks).toEqual({ inputs: 32, outputs: 40 });
    expect(costOf(conv, 'tucker', ranks, steps)).toBe(64 * 32 + 32 * 40 * 9 + 40 * 64);
    expect(costOf(conv, 'tucker', ranks, steps)).toBeLessThanOrEqual(wholeCost(conv) / 2);
    expect(costOf(conv, 'tucker', { inputs: 40, outputs: 40 }, steps)).toBeGreaterThan(wholeCost(conv) / 2);
    // Eight of sixteen cost as much as the layer.
    expect(ranksByRatio(kernel(16, 16, []), 'svd', steps, 2, 8)).toBeNull();
  });

  it('by energy keep the smallest number of components that is enough', () => {
    expect(rankByEnergy(Float64Array.of(6, 3, 1), 0.9)).toBe(2);
    expect(rankByEnergy(Float64Array.of(6, 3, 1), 0.91)).toBe(3);
    expect(rankByEnergy(Float64Array.of(6, 3, 1), 1)).toBe(3);
  });

  it('by variational Bayes count what rises above noise', () => {
    const random = new Random(9);
    const [rows, columns, rank] = [60, 90, 7];
    const [u, v] = [Matrix.zeros(rows, rank), Matrix.zeros(rank, columns)];
    for (let r = 0; r < rank; r++) {
      for (let i = 0; i < rows; i++) u.set(i, r, random.symmetric(1));
      for (let i = 0; i < columns; i++) v.set(r, i, random.symmetric(1));
    }
    const product = u.mmul(v);
    const squares = (noise: number): Float64Array => {
      const noisy = product.clone();
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) noisy.set(i, j, noisy.get(i, j) + random.symmetric(noise));
      return Float64Array.from(new SingularValueDecomposition(noisy, { autoTranspose: true }).diagonal, (s) => s * s);
    };
    expect(vbmfRank(squares(0.1), rows, columns)).toBe(rank);
    expect(vbmfRank(squares(0.3), rows, columns)).toBe(rank);
    expect(vbmfRank(squares(300), rows, columns)).toBe(0);
  });
});
