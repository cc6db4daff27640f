import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { affineParams, quantizeBias, quantizeWeight, roundHalfEven } from './scale.js';

describe('8-bit parameters', () => {
  it('round half to even', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].map((x) => roundHalfEven(x) + 0)).toEqual([0, 2, 2, 0, -2, 2, -3]);
  });

  it('represent zero exactly, and give a range from zero the lowest zero point', () => {
    expect(affineParams({ min: 0, max: 6 }, 'uint8')).toEqual({
      scale: Math.fround(6 / 255),
      zeroPoint: 0,
      kind: 'uint8',
    });
    expect(affineParams({ min: 1, max: 6 }, 'int8')).toMatchObject({ zeroPoint: -128 });
    expect(affineParams({ min: -1, max: 3 }, 'uint8').zeroPoint).toBe(64);
    expect(affineParams({ min: 0, max: 0 }, 'uint8').scale).toBeGreaterThan(0);
  });

  it('reproduce weights to half a step in every channel', () => {
    const values = Float32Array.of(0.1, -0.5, 0.3, 100, -20, 3);
    const { data, scales } = quantizeWeight(values, [2, 3], 0, { narrow: false });
    expect([...scales]).toEqual([Math.fround(0.5 / 127), Math.fround(100 / 127)]);
    values.forEach((v, i) =>
      expect(Math.abs(v - data[i]! * scales[Math.floor(i / 3)]!)).toBeLessThanOrEqual(
        scales[Math.floor(i / 3)]! * 0.5001,
      ),
    );
  });

  it('keep every pair of products within 16 bits where the CPU adds them there', () => {
    const weights = fc.array(fc.float({ min: -3, max: 3, noNaN: true }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(weights, (values) => {
        const { data } = quantizeWeight(Float32Array.from(values), [2, 4], 0, { narrow: true });
        for (let c = 0; c < 2; c++) {
          const row = [...data.subarray(4 * c, 4 * c + 4)];
          for (const [i, a] of row.entries())
            for (const b of row.slice(i + 1)) expect(Math.abs(255 * (a + b))).toBeLessThanOrEqual(32768);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('widen only the channels that could overflow', () => {
    const { narrowed, scales } = quantizeWeight(Float32Array.of(1, -1, 0, 1, 1, 0), [2, 3], 0, { narrow: true });
    expect(narrowed).toBe(1);
    expect([...scales]).toEqual([Math.fround(1 / 127), Math.fround(2 / 127)]);
  });

  it('give the bias the product of the scales', () => {
    const { data, scales } = quantizeBias(Float32Array.of(1, -2), 0.5, Float32Array.of(0.25, 0.125));
    expect([...scales]).toEqual([0.125, 0.0625]);
    expect([...data]).toEqual([8, -32]);
  });
});
