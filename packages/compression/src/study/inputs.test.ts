/** Inputs whose values lie on a lattice, as those that come of 8-bit images do. */
import { describe, expect, it } from 'vitest';
import { Random } from '@verge/data';
import { affineParams } from '../passes/quantize-static/scale.js';
import { inputRange } from './inputs.js';

const random = new Random(3);
const pixels = Array.from({ length: 4096 }, () => Math.floor(random.unit() * 256));

/** Mean squared error of values in levels of [min, max] as QuantizeLinear makes them, in squared steps of that range of all values. */
function error(values: readonly number[], range: { min: number; max: number }): number {
  const { scale, zeroPoint } = affineParams(range, 'uint8');
  const whole = (Math.max(...values, 0) - Math.min(...values, 0)) / 255;
  const each = values.map((x) => {
    const level = Math.min(255, Math.max(0, Math.round(x / scale) + zeroPoint));
    return ((level - zeroPoint) * scale - x) ** 2;
  });
  return each.reduce((a, b) => a + b, 0) / values.length / whole ** 2;
}

const rangeOf = (values: readonly number[]) => ({ min: Math.min(0, ...values), max: Math.max(0, ...values) });

describe('ranges of inputs', () => {
  it('keep images from -1 to 1 from lying halfway between levels', () => {
    const values = pixels.map((p) => Math.fround(p / 127.5 - 1));
    const whole = rangeOf(values);
    // Half a step, squared.
    expect(error(values, whole)).toBeCloseTo(0.25, 3);
    // A twelfth is that of values at any places.
    expect(error(values, inputRange(whole, values))).toBeLessThan(0.09);
  });

  it('meet every level of images from 0 to 1 that are nowhere white', () => {
    const values = pixels.map((p) => Math.fround(Math.min(p, 250) / 255));
    const whole = rangeOf(values);
    expect(error(values, whole)).toBeGreaterThan(0.05);
    expect(error(values, inputRange(whole, values))).toBeLessThan(1e-8);
  });

  it('stay as they are where no other is better', () => {
    const exact = { min: 0, max: 255 };
    expect(inputRange(exact, pixels)).toEqual(exact);
    expect(inputRange({ min: 0, max: 0 }, [0, 0])).toEqual({ min: 0, max: 0 });
  });
});
