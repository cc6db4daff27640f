import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, Bell } from './backoff.js';

describe('backoff', () => {
  it('spreads over the whole of an interval that doubles up to the cap', () => {
    const options = { baseMs: 100, capMs: 1000 };
    const most = (attempt: number): number => backoffMs(attempt, 1 - Number.EPSILON, options);
    expect([0, 1, 2, 3, 4, 50, 5000].map(most)).toEqual([99, 199, 399, 799, 999, 999, 999]);
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
        const ms = backoffMs(attempt, random, options);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThan(options.capMs);
      }),
    );
    expect(backoffMs(3, 0, options)).toBe(0);
  });
});

describe('Bell', () => {
  it('remembers a ring while nobody waits', async () => {
    const bell = new Bell();
    bell.ring();
    await bell.wait();
    const waiting = bell.wait();
    bell.ring();
    await waiting;
    await bell.wait(1);
  });
});
