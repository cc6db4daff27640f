import { Random } from '@verge/data';
import { describe, expect, it } from 'vitest';
import { BINS, Histogram } from './histogram.js';
import { chooseRange, entropyRange, ExpectedError, mseRange, percentileRange } from './ranges.js';

/** Roughly normal values: sums of twelve uniform ones. */
function normals(count: number, seed = 3): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => random.unit()).reduce((a, b) => a + b, -6),
  );
}

function filled(values: Float32Array, parts = 1): Histogram {
  const histogram = new Histogram();
  const size = values.length / parts;
  for (let i = 0; i < parts; i++) expect(histogram.add(values.subarray(i * size, (i + 1) * size))).toBeNull();
  return histogram;
}

/** What 8 bits make of the values: the sum of squared errors with a scale and zero point as QuantizeLinear has them. */
function squaredError(values: Float32Array, { min, max }: { min: number; max: number }): number {
  const scale = (max - min) / 255;
  const zero = Math.round(-min / scale);
  return values.reduce((sum, v) => {
    const q = Math.min(255, Math.max(0, Math.round(v / scale) + zero));
    return sum + (v - (q - zero) * scale) ** 2;
  }, 0);
}

const values = normals(20_000);
/** With heavy tails on both sides. */
const heavy = values.map((v) => v ** 3);
const behindRelu = values.map((v) => Math.max(0, v));

describe('a histogram that grows with its values', () => {
  it.each([
    ['around zero', values],
    ['of one sign', values.map((v) => v - 20)],
    ['with a late outlier', Float32Array.of(...values.subarray(0, 19_999), 1e6)],
    ['with zeros first', Float32Array.of(...new Float32Array(10_000), ...values.subarray(0, 10_000))],
  ])('does not depend on how values %s were cut into batches', (_, some) => {
    const [whole, cut] = [filled(some), filled(some, 10)];
    expect(cut).toEqual(whole);
    expect(whole.counts.reduce((a, b) => a + b, 0)).toBe(some.length);
    expect([whole.min, whole.max]).toEqual([Math.min(...some), Math.max(...some)]);
    expect(whole.zeros).toBe(some.filter((v) => v === 0).length);
  });

  it('uses more than half of its bins, and counts each value in the bin that holds it', () => {
    const { counts, start, width } = filled(values);
    const expected = new Float64Array(BINS);
    for (const v of values) expected[Math.floor(v / width) - start]!++;
    expect(counts).toEqual(expected);
    expect((Math.max(...values) - Math.min(...values)) / width).toBeGreaterThan(BINS / 2 - 2);
  });

  it('gives back a value that is not finite and counts nothing then', () => {
    const histogram = new Histogram();
    expect(histogram.add(Float32Array.of(1, NaN))).toBeNaN();
    expect(histogram.add(Float32Array.of(1, Infinity, -Infinity))).toBe(Infinity);
    expect(histogram.total).toBe(0);
  });
});

describe('ranges of activations', () => {
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
    const negative = percentileRange(filled(positive.map((v) => -v)), 99);
    expect([-negative.min, negative.max]).toEqual([expect.closeTo(range.max, 2), 0]);
  });

  it('clip a lone outlier by entropy, and keep an even spread whole', () => {
    const outlier = Float32Array.from(values.map(Math.abs));
    outlier[0] = 100;
    expect(entropyRange(filled(outlier)).max).toBeLessThan(50);
    const even = Float32Array.from({ length: 20_480 }, (_, i) => i / 20_480);
    expect(entropyRange(filled(even)).max).toBeGreaterThan(0.95);
  });

  it('are not drawn to zero by the zeros behind Relu', () => {
    // Half of the values are zero exactly; counted as any other, they make the narrowest window the best by entropy.
    expect(entropyRange(filled(behindRelu)).max).toBeGreaterThan(2.5);
    expect(mseRange(filled(behindRelu)).max).toBeGreaterThan(3);
  });

  it('cost what rounding to 8 bits costs', () => {
    for (const some of [values, behindRelu]) {
      const error = new ExpectedError(filled(some));
      const whole = { min: Math.min(...some), max: Math.max(...some) };
      for (const part of [1, 0.8, 0.5]) {
        const range = { min: whole.min * part, max: whole.max * part };
        expect(error.of(range) / squaredError(some, range)).toBeCloseTo(1, 1);
      }
    }
  });

  it('have the least squared error by mse, among others that are tried', () => {
    const best = mseRange(filled(heavy));
    expect(best.max).toBeLessThan(Math.max(...heavy));
    for (const factor of [0.7, 0.8, 1.25, 1.5]) {
      const other = { min: best.min * factor, max: best.max * factor };
      expect(squaredError(heavy, best)).toBeLessThan(squaredError(heavy, other));
    }
  });

  it('are those of all values where a method would make the larger error, which is told', () => {
    // All but a few values are small, and the few hold all of the energy.
    const some = Float32Array.from({ length: 100_000 }, (_, i) => (i % 2000 === 0 ? 50 : (i % 7) / 700));
    const chosen = chooseRange(filled(some), 'percentile', 99);
    expect(chosen).toEqual({ min: 0, max: 50, clips: false, kept: true });
    expect(chooseRange(filled(heavy), 'mse', 99)).toMatchObject({ clips: true, kept: false });
    expect(chooseRange(filled(values), 'percentile', 100)).toMatchObject({ clips: false, kept: false });
    expect(chooseRange(filled(values), 'min-max', 99.9)).toMatchObject({ clips: false, kept: false });
    expect(chooseRange(filled(new Float32Array(9)), 'entropy', 99)).toMatchObject({ min: 0, max: 0 });
  });
});
