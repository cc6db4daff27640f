import { describe, expect, it } from 'vitest';
import { augmentBatch } from './augment.js';
import { Random } from './random.js';

const off = { shift: 0, rotate: 0, scale: 0, flip: false };
const image = Float32Array.from({ length: 2 * 25 }, (_, i) => i % 25);

describe('augmentation', () => {
  it('does nothing when everything is off, and leaves its input alone', () => {
    const before = image.slice();
    expect(augmentBatch(image, [1, 5, 5], off, 1)).toEqual(image);
    augmentBatch(image, [1, 5, 5], { ...off, shift: 2, rotate: 30 }, 1);
    expect(image).toEqual(before);
  });

  it('is a function of the seed; each sample draws for itself', () => {
    const config = { shift: 1, rotate: 15, scale: 0.1, flip: true };
    const both = augmentBatch(image, [5, 5], config, 3);
    expect(augmentBatch(image, [5, 5], config, 3)).toEqual(both);
    expect(augmentBatch(image, [5, 5], config, 4)).not.toEqual(both);
    expect(augmentBatch(image.subarray(0, 25), [5, 5], config, 3)).toEqual(both.subarray(0, 25));
  });

  it('mirrors about half of the samples, exactly', () => {
    const many = Float32Array.from({ length: 200 * 3 }, (_, i) => i % 3);
    const out = augmentBatch(many, [1, 3], { ...off, flip: true }, 5);
    const mirrored = Array.from({ length: 200 }, (_, i) => out[3 * i]).filter((v) => v === 2).length;
    expect(mirrored).toBeGreaterThan(60);
    expect(mirrored).toBeLessThan(140);
    expect(out.filter((_, i) => i % 3 === 1).every((v) => v === 1)).toBe(true);
  });

  it('moves a point by no more than the shift, and keeps its mass inside', () => {
    const point = new Float32Array(49);
    point[24] = 1;
    for (let seed = 0; seed < 20; seed++) {
      const out = augmentBatch(point, [7, 7], { ...off, shift: 2 }, seed);
      expect(out.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      out.forEach(
        (v, i) =>
          v > 0 && expect(Math.max(Math.abs(Math.floor(i / 7) - 3), Math.abs((i % 7) - 3))).toBeLessThanOrEqual(2),
      );
    }
  });
});

describe('Random', () => {
  it('is uniform enough, and permutes', () => {
    const random = new Random(1);
    const mean = Array.from({ length: 10_000 }, () => random.unit()).reduce((a, b) => a + b, 0) / 10_000;
    // Five standard errors of a uniform mean: 5 / sqrt(12 * 10000).
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.0145);
    expect([...random.permutation(100)].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});
