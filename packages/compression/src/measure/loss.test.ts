import type { Fidelity, Quality } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { doubtOf, lossOf } from './loss.js';

const quality = (more: Partial<Quality>): Quality => ({
  ...{ output: 'y', task: 'classification', metric: 'accuracy', value: 0.9, higherIsBetter: true },
  ...{ samples: 100, interval: null, baseline: 0.1, ...more },
});
const likeness = (more: Partial<Fidelity>): Fidelity => ({
  ...{ output: 'y', reads: 'classes', samples: 10, agreement: 0.98, kl: 0.1, sqnrDb: 20 },
  ...{ maxAbsDifference: 1, problem: null, ...more },
});

describe('the loss of a variant', () => {
  it('is the fall of what labels judge by, in points, or the rise of an error in percent', () => {
    expect(lossOf([quality({})], [quality({ value: 0.88 })], [likeness({})]).points).toBeCloseTo(2, 9);
    const error = { task: 'regression', metric: 'rmse', higherIsBetter: false, baseline: 3 } as const;
    const rmse = lossOf([quality({ ...error, value: 2 })], [quality({ ...error, value: 2.1 })], []);
    expect([rmse.points, rmse.by]).toEqual([expect.closeTo(5, 9), 'rmse']);
    expect(lossOf([quality({})], [], []).points).toBe(Infinity);
  });

  it('is that of likeness where labels say nothing of the source', () => {
    const blind = quality({ value: 0.1 });
    expect(lossOf([blind], [blind], [likeness({})])).toEqual({ points: expect.closeTo(2, 9), by: 'agreement' });
    const values = likeness({ reads: 'values', agreement: null, kl: null });
    expect(lossOf([], [], [values])).toEqual({ points: expect.closeTo(1, 9), by: 'noise over signal' });
    const two = lossOf([], [], [likeness({}), likeness({ agreement: 0.5 })]);
    expect(two.points).toBeCloseTo(50, 9);
    expect(lossOf([], [], [likeness({ problem: 'it holds NaN' })]).points).toBe(Infinity);
  });
});

describe('what chance may hide of it', () => {
  it('is a standard error by the samples that got another class, of the output where that is most', () => {
    // 20 of 1,000 samples changed: sqrt(20) / 1000.
    expect(doubtOf([likeness({ samples: 1000 })])).toBeCloseTo(0.4472, 4);
    expect(doubtOf([likeness({ samples: 1000 }), likeness({ samples: 1000, agreement: 0.9 })])).toBeCloseTo(1, 9);
    expect(doubtOf([likeness({ agreement: 1 })])).toBe(0);
  });

  it('is none of numbers, and of what was not compared', () => {
    expect(doubtOf([likeness({ reads: 'values', agreement: null, kl: null })])).toBe(0);
    expect(doubtOf([likeness({ agreement: null, samples: 0, problem: 'it does not run' })])).toBe(0);
    expect(doubtOf([])).toBe(0);
  });
});
