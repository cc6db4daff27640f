import { describe, expect, it } from 'vitest';
import { learningRateAt } from './schedule.js';

describe('learningRateAt', () => {
  it('rises linearly to the peak, then falls along half a cosine to the final fraction', () => {
    const schedule = { name: 'cosine' as const, warmupEpochs: 1, finalFraction: 0.1 };
    const rates = Array.from({ length: 15 }, (_, step) => learningRateAt(2, schedule, step, 15, 4));
    expect(rates.slice(0, 5)).toEqual([0.5, 1, 1.5, 2, 2]);
    expect(rates[9]).toBeCloseTo((2 + 0.2) / 2, 12);
    expect(rates[14]).toBeCloseTo(0.2, 12);
    for (let i = 5; i < 15; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
  });

  it('stays at the peak when it is constant, also where a run is one step long', () => {
    expect([0, 5, 9].map((s) => learningRateAt(0.3, { name: 'constant' }, s, 10, 5))).toEqual([0.3, 0.3, 0.3]);
    expect(learningRateAt(0.3, { name: 'cosine' }, 0, 1, 1)).toBe(0.3);
  });
});
