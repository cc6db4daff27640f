import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSketch, encodeSketch } from '@verge/contracts/sketch';
import { MergedFeature } from './merge.js';

function featureOf(values: readonly number[]) {
  const sketch = createSketch();
  let [count, mean, m2] = [0, 0, 0];
  for (const value of values) {
    sketch.accept(value);
    count++;
    const delta = value - mean;
    mean += delta / count;
    m2 += delta * (value - mean);
  }
  const encoded = Buffer.from(encodeSketch(sketch)).toString('base64');
  const [min, max] = count === 0 ? [0, 0] : [Math.min(...values), Math.max(...values)];
  return { name: 'f', count, mean, m2, min, max, sketch: encoded };
}

describe('MergedFeature', () => {
  it('equals the moments of all values together, however they were split', () => {
    const values = fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (parts) => {
        const merged = new MergedFeature();
        for (const part of [...parts, []]) merged.add(featureOf(part));
        const all = parts.flat();
        const mean = all.reduce((a, b) => a + b, 0) / all.length;
        const std = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length);
        const summary = merged.summary('f')!;
        expect(summary.count).toBe(all.length);
        // Two passes against running moments: rounding of values up to 1000.
        expect(Math.abs(summary.mean - mean)).toBeLessThan(1e-9);
        expect(Math.abs(summary.std - std)).toBeLessThan(1e-6);
        expect([summary.min, summary.max]).toEqual([Math.min(...all), Math.max(...all)]);
      }),
      { numRuns: 30 },
    );
  });

  it('says nothing about a feature without values', () => {
    expect(new MergedFeature().summary('f')).toBeNull();
  });
});
