import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSketch, decodeSketch, encodeSketch, quantile, SketchError } from './sketch.js';

const filled = (values: readonly number[]) => {
  const sketch = createSketch();
  for (const v of values) sketch.accept(v);
  return sketch;
};

describe('sketch', () => {
  it('keeps quantiles within 1 % of the exact ones, through the wire and a merge', () => {
    const values = Array.from({ length: 20_000 }, (_, i) => Math.exp(((i * 7919) % 1000) / 100));
    const merged = decodeSketch(encodeSketch(filled(values.slice(0, 9000))));
    merged.merge(decodeSketch(encodeSketch(filled(values.slice(9000)))));
    const sorted = values.toSorted((a, b) => a - b);
    for (const q of [0.01, 0.5, 0.95, 0.99]) {
      const exact = sorted[Math.floor(q * (sorted.length - 1))]!;
      expect(Math.abs(quantile(merged, q)! - exact) / exact).toBeLessThan(0.0101);
    }
    expect(merged.count).toBe(values.length);
  });

  it('round-trips any finite values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { maxLength: 200 }), (values) => {
        const once = encodeSketch(filled(values));
        expect(encodeSketch(decodeSketch(once))).toEqual(once);
        expect(decodeSketch(once).count).toBe(values.length);
      }),
    );
  });

  it('answers null for an empty sketch', () => {
    expect(quantile(decodeSketch(encodeSketch(createSketch())), 0.5)).toBeNull();
  });

  it('refuses arbitrary bytes with a coded error and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decodeSketch(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SketchError);
        }
      }),
    );
  });
});
