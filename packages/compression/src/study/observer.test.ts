import { Random } from '@verge/data';
import { describe, expect, it } from 'vitest';
import { entropyRange, Histogram, percentileRange } from './observer.js';

/** Roughly normal values: sums of twelve uniform ones. */
function normals(count: number): Float32Array {
  const random = new Random(3);
  return Float32Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => random.unit()).reduce((a, b) => a + b, -6),
  );
}

function filled(values: Float32Array, parts = 1): Histogram {
  const histogram = new Histogram({ min: Math.min(...values), max: Math.max(...values) });
  const size = values.length / parts;
  for (let i = 0; i < parts; i++) histogram.add(values.subarray(i * size, (i + 1) * size));
  return histogram;
}

describe('ranges of activations', () => {
  const values = normals(20_000);

  it('do not depend on how the values were cut into batches', () => {
    expect(filled(values, 10).counts).toEqual(filled(values).counts);
  });

  it('keep a percentile, as sorting says, to the width of a bin', () => {
    const sorted = [...values].sort((a, b) => a - b);
    const histogram = filled(values);
    const range = percentileRange(histogram, 99);
    expect(Math.abs(range.min - sorted[100]!)).toBeLessThan(2 * histogram.width);
    expect(Math.abs(range.max - sorted[20_000 - 101]!)).toBeLessThan(2 * histogram.width);
  });

  it('cut one end only when the values end at zero', () => {
    const positive = values.map(Math.abs);
    const sorted = [...positive].sort((a, b) => a - b);
    const histogram = filled(positive);
    const range = percentileRange(histogram, 99);
    expect(range.min).toBe(0);
    expect(Math.abs(range.max - sorted[20_000 - 201]!)).toBeLessThan(2 * histogram.width);
  });

  it('clip a lone outlier by entropy, and keep an even spread whole', () => {
    const outlier = Float32Array.from(values.map(Math.abs));
    outlier[0] = 100;
    expect(entropyRange(filled(outlier)).max).toBeLessThan(50);
    const even = Float32Array.from({ length: 20_480 }, (_, i) => i / 20_480);
    expect(entropyRange(filled(even)).max).toBeGreaterThan(0.95);
  });
});
