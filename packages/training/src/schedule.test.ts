import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkSchedule, learningRateAt, nextPlateau, plateauStart, type ScheduleSpec } from './schedule.js';

interface Case {
  readonly name: string;
  readonly spec: ScheduleSpec;
  readonly rates: readonly number[];
  readonly losses?: readonly number[];
}

const { schedules } = JSON.parse(
  readFileSync(new URL('../goldens/objectives.golden.json', import.meta.url), 'utf8'),
) as { schedules: readonly Case[] };

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

describe("schedules against PyTorch's, with a peak of 2 and one step an epoch", () => {
  for (const { name, spec, rates } of schedules.filter((c) => !c.losses)) {
    it(name, () => {
      rates.forEach((want, step) => {
        expect(Math.abs(learningRateAt(2, spec, step, rates.length, 1) - want)).toBeLessThan(1e-12);
      });
    });
  }

  it('plateau', () => {
    const { spec, rates, losses } = schedules.find((c) => c.losses)!;
    if (spec.name !== 'plateau') throw new Error('the case is one of a plateau');
    let state = plateauStart;
    losses!.forEach((loss, i) => {
      state = nextPlateau(spec, state, loss);
      expect(learningRateAt(2, spec, i, 100, 1, state)).toBeCloseTo(rates[i]!, 12);
    });
    expect(new Set(rates).size).toBeGreaterThan(2);
  });
});

describe('checkSchedule', () => {
  it('names every setting that is out of range', () => {
    expect(checkSchedule({ name: 'one-cycle', riseFraction: 2, startFraction: -1, warmupEpochs: NaN })).toHaveLength(3);
    expect(checkSchedule({ name: 'step', factor: 0, everyEpochs: 0.5 })).toHaveLength(2);
    expect(schedules.flatMap((c) => checkSchedule(c.spec))).toEqual([]);
  });
});
