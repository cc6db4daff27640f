import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRanges, stepFor } from './ranges.js';

const at = (ms: number) => new Date(ms);
const hour = 3_600_000;
const instants = fc.integer({ min: 0, max: 200 * hour });
const steps = fc.constantFrom(null, 60, 300, 900, 3600, 7200);

describe('readRanges', () => {
  it('covers the span once, in order, in whole minutes or hours, and asks for no minute that is deleted', () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: 1, max: 100 * hour }), steps, instants, (from, length, step, kept) => {
        // A step below an hour is not asked for where minutes are gone.
        const minutesFrom = step !== null && step < 3600 ? 0 : kept;
        const to = from + length;
        const ranges = readRanges({ from: at(from), to: at(to), stepSeconds: step, minutesFrom: at(minutesFrom) });
        for (const [i, range] of ranges.entries()) {
          expect(range.from.getTime() % (range.seconds * 1000)).toBe(0);
          expect(range.to.getTime() % (range.seconds * 1000)).toBe(0);
          if (i > 0) expect(range.from).toEqual(ranges[i - 1]!.to);
          if (range.seconds === 60 && range.from.getTime() < minutesFrom) expect(range.from.getTime()).toBe(-1);
        }
        expect(ranges[0]!.from.getTime()).toBeLessThanOrEqual(from);
        expect(ranges.at(-1)!.to.getTime()).toBeGreaterThanOrEqual(to);
        // The minutes of an hour go together: up to the next whole hour they may be gone.
        const wholeFrom = Math.ceil(minutesFrom / hour) * hour;
        const spare = to - from + 2 * (wholeFrom > from ? hour : 60_000);
        expect(ranges.at(-1)!.to.getTime() - ranges[0]!.from.getTime()).toBeLessThanOrEqual(spare);
      }),
    );
  });
});

describe('stepFor', () => {
  it('gives a round step and at most 120 points', () => {
    const after = (seconds: number) => ({ from: at(0), to: at(seconds * 1000), minutesFrom: at(0) });
    expect(stepFor(after(3600))).toBe(60);
    expect(stepFor(after(86_400))).toBe(900);
    expect(stepFor(after(10 * 365 * 86_400))).toBe(86_400);
    expect(stepFor({ ...after(3600), minutesFrom: at(hour) })).toBe(3600);
  });
});
