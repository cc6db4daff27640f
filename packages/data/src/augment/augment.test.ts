import type { AugmentationConfig } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { augmentBatch, drawMix, mixBatch } from '../augment.js';
import { Random } from '../random.js';
import { beta } from './draws.js';

const off = { shift: 0, rotate: 0, scale: 0, flip: false };
const only = (config: Partial<AugmentationConfig>): AugmentationConfig => ({ ...off, ...config });
const random = new Random(3);
const batch = (count: number, size: number): Float32Array =>
  Float32Array.from({ length: count * size }, () => random.unit() + 0.5);
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

/** Everything at once, for samples that can be both: images, and series with the time last. */
const everything = only({
  shift: 1,
  rotate: 10,
  flip: true,
  crop: 2,
  brightness: 0.2,
  contrast: 0.2,
  saturation: 0.2,
  cutout: 3,
  noise: 0.1,
  timeShift: 2,
  timeMasks: { count: 2, width: 3 },
  frequencyMasks: { count: 1, width: 2 },
});

describe('augmentBatch', () => {
  it('is a function of the seed, each sample drawing for itself', () => {
    const [x, shape] = [batch(4, 3 * 8 * 8), [3, 8, 8]];
    const before = x.slice();
    const all = augmentBatch(x, shape, everything, 7);
    expect(x).toEqual(before);
    expect(augmentBatch(x, shape, everything, 7)).toEqual(all);
    expect(augmentBatch(x, shape, everything, 8)).not.toEqual(all);
    expect(augmentBatch(x.subarray(0, 2 * 192), shape, everything, 7)).toEqual(all.subarray(0, 2 * 192));
  });

  it('crops a window of the padded image, by whole pixels', () => {
    const shape = [2, 5, 6];
    const image = batch(1, 60);
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const out = augmentBatch(image, shape, only({ crop: 2 }), seed);
      const places: string[] = [];
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++) {
          const at = (c: number, y: number, x: number): number =>
            y >= 0 && y < 5 && x >= 0 && x < 6 ? image[c * 30 + y * 6 + x]! : 0;
          const shifted = Float32Array.from({ length: 60 }, (_, i) => {
            const [c, y, x] = [Math.floor(i / 30), Math.floor(i / 6) % 5, i % 6];
            return at(c, y + dy, x + dx);
          });
          if (Buffer.compare(Buffer.from(shifted.buffer), Buffer.from(out.buffer)) === 0) places.push(`${dy},${dx}`);
        }
      }
      expect(places).toHaveLength(1);
      seen.add(places[0]!);
    }
    // 25 places, 200 draws: one is missed with a probability below 1 %.
    expect(seen.size).toBeGreaterThan(22);
  });

  it('brightness multiplies, contrast keeps the mean, saturation keeps the gray', () => {
    const shape = [3, 4, 4];
    const image = batch(1, 48);
    const luma = (x: Float32Array, i: number): number => 0.299 * x[i]! + 0.587 * x[16 + i]! + 0.114 * x[32 + i]!;
    const gray = (x: Float32Array): number[] => Array.from({ length: 16 }, (_, i) => luma(x, i));
    const bright = augmentBatch(image, shape, only({ brightness: 0.5 }), 1);
    const factor = bright[0]! / image[0]!;
    expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.5);
    expect(Math.abs(factor - 1)).toBeGreaterThan(1e-3);
    bright.forEach((v, i) => expect(v).toBeCloseTo(image[i]! * factor, 5));
    const contrasted = augmentBatch(image, shape, only({ contrast: 0.5 }), 2);
    expect(contrasted).not.toEqual(image);
    expect(sum(gray(contrasted))).toBeCloseTo(sum(gray(image)), 4);
    const saturated = augmentBatch(image, shape, only({ saturation: 0.5 }), 3);
    expect(saturated).not.toEqual(image);
    gray(saturated).forEach((v, i) => expect(v).toBeCloseTo(gray(image)[i]!, 5));
    // A gray image has neither colours to strengthen nor, with one channel, a gray apart from itself.
    expect(augmentBatch(image, [1, 6, 8], only({ saturation: 0.5 }), 3)).toEqual(image);
  });

  it('cuts squares out, also over the border', () => {
    for (let seed = 0; seed < 50; seed++) {
      const out = augmentBatch(new Float32Array(2 * 81).fill(1), [2, 9, 9], only({ cutout: 4 }), seed);
      const holes = out.filter((v) => v === 0).length;
      expect(holes).toBeLessThanOrEqual(2 * 16);
      expect(holes).toBeGreaterThanOrEqual(2 * 4);
      expect(out.subarray(0, 81)).toEqual(out.subarray(81));
    }
  });

  it('adds noise of the given deviation', () => {
    const out = augmentBatch(new Float32Array(20_000), [20_000], only({ noise: 0.3 }), 4);
    // Five standard errors of a mean and of a variance over 20,000 normal draws.
    expect(Math.abs(sum(out) / 20_000)).toBeLessThan((5 * 0.3) / Math.sqrt(20_000));
    expect(Math.abs(sum(out.map((v) => v * v)) / 20_000 / 0.09 - 1)).toBeLessThan(5 * Math.sqrt(2 / 20_000));
  });

  it('shifts time, on the axis that is time', () => {
    const series = Float32Array.from({ length: 12 }, (_, i) => i + 1);
    for (let seed = 0; seed < 20; seed++) {
      const rows = augmentBatch(series, [3, 4], only({ timeShift: 2 }), seed);
      const columns = augmentBatch(series, [4, 3], only({ timeShift: 2, timeAxis: 'second-to-last' }), seed);
      const by = [-2, -1, 0, 1, 2].find((d) =>
        [0, 1, 2].every((r) =>
          [0, 1, 2, 3].every((t) => rows[r * 4 + t] === (t - d in [0, 1, 2, 3] ? r * 4 + t - d + 1 : 0)),
        ),
      );
      expect(by).toBeDefined();
      columns.forEach((v, i) => {
        const time = Math.floor(i / 3) - by!;
        expect(v).toBe(time >= 0 && time < 4 ? time * 3 + (i % 3) + 1 : 0);
      });
    }
  });

  it('masks whole times and whole bands with the mean', () => {
    const [bands, times] = [6, 10];
    const sample = batch(1, bands * times);
    const mean = sum(sample) / sample.length;
    const changed = (out: Float32Array): Set<string> =>
      new Set([...out.keys()].filter((i) => out[i] !== sample[i]).map((i) => `${Math.floor(i / times)},${i % times}`));
    let widest = 0;
    for (let seed = 0; seed < 60; seed++) {
      const out = augmentBatch(sample, [bands, times], only({ timeMasks: { count: 1, width: 4 } }), seed);
      const cells = changed(out);
      const masked = new Set([...cells].map((cell) => Number(cell.split(',')[1])));
      expect(cells.size).toBe(masked.size * bands);
      expect(masked.size === 0 || Math.max(...masked) - Math.min(...masked) === masked.size - 1).toBe(true);
      for (const v of out.filter((v, i) => v !== sample[i])) expect(v).toBeCloseTo(mean, 5);
      widest = Math.max(widest, masked.size);
      const banded = changed(
        augmentBatch(sample, [bands, times], only({ frequencyMasks: { count: 1, width: 3 } }), seed),
      );
      expect(banded.size).toBe(new Set([...banded].map((cell) => cell.split(',')[0])).size * times);
    }
    expect(widest).toBe(4);
  });

  it('refuses what only images have', () => {
    for (const config of [{ crop: 1 }, { cutout: 2 }, { flip: true }, { contrast: 0.1 }]) {
      expect(() => augmentBatch(new Float32Array(8), [8], only(config), 1)).toThrow(
        expect.objectContaining({ code: 'shape-mismatch' }),
      );
    }
  });
});

describe('mixup', () => {
  it('is the convex combination that drawMix tells', () => {
    const x = batch(6, 4);
    const mix = drawMix(6, 0.4, 9);
    const mixed = mixBatch(x, [2, 2], 0.4, 9);
    mixed.forEach((v, i) => {
      const row = Math.floor(i / 4);
      const other = x[mix.partner[row]! * 4 + (i % 4)]!;
      expect(v).toBeCloseTo(mix.weight[row]! * x[i]! + (1 - mix.weight[row]!) * other, 6);
    });
    expect(drawMix(6, 0.4, 9)).toEqual(mix);
    expect(drawMix(6, 0.4, 10)).not.toEqual(mix);
  });

  it.each([0.2, 1, 4])('draws shares from Beta(%f, itself)', (alpha) => {
    const draws = new Random(8);
    const shares = Array.from({ length: 20_000 }, () => beta(alpha, draws));
    const variance = 1 / (4 * (2 * alpha + 1));
    const squares = shares.map((v) => (v - 0.5) ** 2);
    // Five standard errors of the mean, and of the mean square around 1/2, which is at most 1/4.
    expect(Math.abs(sum(shares) / 20_000 - 0.5)).toBeLessThan(5 * Math.sqrt(variance / 20_000));
    expect(Math.abs(sum(squares) / 20_000 - variance)).toBeLessThan(5 * Math.sqrt((variance * 0.25) / 20_000));
    if (alpha === 1) {
      // Beta(1, 1) is uniform: its quarters are equally full, within five deviations of a binomial.
      const quarters = [0, 1, 2, 3].map((q) => shares.filter((v) => Math.floor(v * 4) === q).length);
      for (const n of quarters) expect(Math.abs(n - 5000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.1875));
    }
  });
});
