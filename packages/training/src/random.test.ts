import { describe, expect, it } from 'vitest';
import { Random } from './random.js';

describe('Random', () => {
  it('repeats itself for the same seed and stream, and for no other', () => {
    const draw = (seed: number, ...stream: (string | number)[]): number[] => {
      const random = new Random(seed, ...stream);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(draw(1, 'shuffle', 3)).toEqual(draw(1, 'shuffle', 3));
    expect(draw(1, 'shuffle', 3)).not.toEqual(draw(1, 'shuffle', 4));
    expect(draw(1, 'shuffle', 3)).not.toEqual(draw(2, 'shuffle', 3));
  });

  it('draws uniform and normal numbers with the right moments', () => {
    const random = new Random(9, 'moments');
    const n = 40_000;
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / n;
    const uniform = Array.from({ length: n }, () => random.uniform());
    const normal = Array.from({ length: n }, () => random.normal());
    // Five standard errors of the mean: 0.29 / 200 and 1 / 200.
    expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(5 * 0.00145);
    expect(Math.abs(mean(normal))).toBeLessThan(5 * 0.005);
    expect(Math.abs(mean(normal.map((v) => v * v)) - 1)).toBeLessThan(5 * 0.0071);
  });

  it('permutes without losing a number', () => {
    const order = new Random(4).permutation(1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(order.filter((v, i) => v === i).length).toBeLessThan(20);
  });
});
