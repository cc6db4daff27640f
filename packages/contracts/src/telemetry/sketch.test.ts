import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSketch, decodeSketch, encodeSketch, quantile, SketchError, SketchSum } from './sketch.js';
import { HEADER_BYTES } from './sketch-form.js';

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
        // Compared here: an assertion on thousands of bytes takes many times as long as the sketch.
        expect(Buffer.compare(encodeSketch(decodeSketch(once)), once)).toBe(0);
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

describe('SketchSum', () => {
  const value = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 100);
  const values = fc.array(value, { maxLength: 40 });

  it('has the quantiles of one sketch of all values, however they were split, negative ones too', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (parts) => {
        const sum = new SketchSum();
        for (const part of parts) sum.add(encodeSketch(filled(part)));
        const all = filled(parts.flat());
        expect(sum.count).toBe(all.count);
        const again = new SketchSum().add(sum.encode());
        for (const q of [0, 0.05, 0.5, 0.95, 1]) {
          expect(sum.quantile(q)).toBe(quantile(all, q));
          expect(again.quantile(q)).toBe(quantile(all, q));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('counts beyond 32 bits a bin, in a form that devices may not send', () => {
    const bytes = encodeSketch(filled([1]));
    new DataView(bytes.buffer).setUint32(HEADER_BYTES + 4, 0xffff_ffff, true);
    const twice = new SketchSum().add(bytes).add(bytes);
    expect(twice.count).toBe(2 * 0xffff_ffff);
    expect(new SketchSum().add(twice.encode()).count).toBe(2 * 0xffff_ffff);
    expect(() => decodeSketch(twice.encode())).toThrow(SketchError);
  });

  it('refuses bins and ends that no finite value has', () => {
    const bytes = encodeSketch(filled([1]));
    const changed = (change: (view: DataView) => void): Uint8Array => {
      const copy = bytes.slice();
      change(new DataView(copy.buffer));
      return copy;
    };
    const bad = [
      changed((view) => view.setInt16(HEADER_BYTES, 32_767, true)),
      changed((view) => view.setUint16(HEADER_BYTES + 2, 4097, true)),
      changed((view) => view.setFloat64(9, Infinity, true)),
      changed((view) => view.setFloat64(1, NaN, true)),
      changed((view) => view.setFloat64(25, 0.5, true)),
    ];
    // The first of them is a bin that a double still holds.
    for (const each of bad.slice(1)) expect(() => decodeSketch(each)).toThrow(SketchError);
    expect(Number.isFinite(new SketchSum().add(bad[0]!).quantile(0.5))).toBe(true);
  });
});
