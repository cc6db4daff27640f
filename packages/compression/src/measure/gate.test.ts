import { describe, expect, it } from 'vitest';
import { Budget, type Fidelity, type Measurement, type Quality } from '@verge/contracts';
import { refusals } from './gate.js';

const budget = (more: object = {}): Budget => Budget.parse(more);

const accuracy = (value: number, more: Partial<Quality> = {}): Quality => ({
  ...{ output: 'y', task: 'classification', metric: 'accuracy', value, higherIsBetter: true, samples: 100 },
  ...{ interval: { low: value - 0.05, high: Math.min(1, value + 0.05), method: 'wilson' }, baseline: 0.5 },
  ...more,
});
const error = (value: number, more: Partial<Quality> = {}): Quality => ({
  ...{ output: 'y', task: 'regression', metric: 'rmse', value, higherIsBetter: false, samples: 100 },
  ...{ interval: null, baseline: 10 },
  ...more,
});
const classes = (more: Partial<Fidelity> = {}): Fidelity => ({
  ...{ output: 'y', reads: 'classes', samples: 100, agreement: 0.99, kl: 0.001, sqnrDb: 30, maxAbsDifference: 0.1 },
  ...{ problem: null, ...more },
});
const values = (more: Partial<Fidelity> = {}): Fidelity =>
  classes({ reads: 'values', agreement: null, kl: null, ...more });

const measured = (change: Partial<Measurement> = {}): Measurement => ({
  ...{ bytes: 100, parameters: 1, macs: 1, samples: 100, p50Ms: 1, p95Ms: 2, peakRssBytes: 1, threads: 1, runs: 1 },
  ...{ machine: 'x', quality: [], fidelity: [classes()], ...change },
});

describe('a result with labels', () => {
  const before = measured({ quality: [accuracy(0.98)] });

  it('is offered inside of its budget', () => {
    expect(refusals(before, measured({ quality: [accuracy(0.97)] }), budget())).toEqual([]);
  });

  it('is refused with every reason', () => {
    const after = measured({ quality: [accuracy(0.96)], p50Ms: 1.5, bytes: 101 });
    const reasons = refusals(before, after, budget());
    expect(reasons).toHaveLength(3);
    expect(reasons.join()).toMatch(/2\.00 points.*1\.50 times.*101 bytes/s);
  });

  it('may differ from the source model, as fine-tuned ones do, unless the recipe asks for likeness', () => {
    const after = measured({ quality: [accuracy(0.98)], fidelity: [classes({ agreement: 0.6, kl: 2, sqnrDb: 1 })] });
    expect(refusals(before, after, budget())).toEqual([]);
    const asked = refusals(
      before,
      after,
      budget({ minAgreement: 0.9, maxKl: 0.5, minSqnrDb: 20, maxAbsDifference: 0 }),
    );
    expect(asked).toEqual([
      expect.stringMatching(/agrees .* on 60\.00 % .* at least 90\.00 % is asked/),
      expect.stringMatching(/2 nats .* at most 0\.5 is allowed/),
      expect.stringMatching(/1\.0 dB .* at least 20 dB is asked/),
      expect.stringMatching(/by up to 0\.1000; at most 0 is allowed/),
    ]);
  });

  it('is held by its likeness where labels say nothing: the source model is no better than a constant answer', () => {
    const guess = measured({ quality: [accuracy(0.52)] });
    const after = measured({ quality: [accuracy(0.52)], fidelity: [classes({ agreement: 0.3 })] });
    expect(refusals(guess, after, budget())).toEqual([
      expect.stringMatching(/agrees .*accuracy says nothing: that of the source model, 0\.5200/),
    ]);
  });

  it('is refused where its quality could not be measured', () => {
    expect(refusals(before, measured({ quality: [] }), budget()).join()).toMatch(
      /accuracy of output 'y' could not be measured of the result/,
    );
  });

  it('is judged by its error where numbers are predicted, of each output that has one', () => {
    const source = measured({ quality: [error(1), error(2, { output: 'z', task: 'reconstruction' })] });
    const two = [values(), values({ output: 'z' })];
    const after = (y: number, z: number): Measurement =>
      measured({ quality: [error(y), error(z, { output: 'z', task: 'reconstruction' })], fidelity: two });
    expect(refusals(source, after(1.05, 2.1), budget())).toEqual([]);
    expect(refusals(source, after(1.05, 2.5), budget())).toEqual([
      expect.stringMatching(/rmse of output 'z' rose to 2\.500, 1\.25 times the source's 2; 1\.1 times are allowed/),
    ]);
    expect(refusals(source, after(1.05, 2.5), budget({ maxErrorRatio: 1.3 }))).toEqual([]);
  });
});

describe('a result without labels', () => {
  it.each<[string, Fidelity, RegExp | null]>([
    ['near in classes', classes(), null],
    ['of other classes', classes({ agreement: 0.5 }), /50\.00 %/],
    ['of other probabilities', classes({ kl: 1 }), /1 nats/],
    ['near in numbers', values(), null],
    ['of other numbers', values({ sqnrDb: 3 }), /3\.0 dB .* 10 dB is asked/],
    ['of one sample', values({ sqnrDb: null, samples: 1 }), /sqnrDb .* not measured: one sample/],
    ['of other labels', values({ reads: 'labels', sqnrDb: null, agreement: 0.2 }), /20\.00 %/],
    ['that cannot be compared', classes({ problem: 'it holds NaN', samples: 0 }), /cannot be compared.*NaN/],
  ])('and %s is offered only if that is near', (_, fidelity, reason) => {
    const reasons = refusals(measured(), measured({ fidelity: [fidelity] }), budget());
    if (reason) expect(reasons).toEqual([expect.stringMatching(reason)]);
    else expect(reasons).toEqual([]);
  });

  it('is refused where the recipe asks for no likeness either', () => {
    const free = budget({ minAgreement: null, maxKl: null, minSqnrDb: null });
    expect(refusals(measured(), measured(), free)).toEqual([expect.stringMatching(/nothing holds output 'y'/)]);
  });

  it('is refused for every output that is far, though another is judged by labels', () => {
    const before = measured({ quality: [accuracy(0.98)] });
    const after = measured({ quality: [accuracy(0.98)], fidelity: [classes(), values({ output: 'z', sqnrDb: -2 })] });
    expect(refusals(before, after, budget())).toEqual([expect.stringMatching(/output 'z' is -2\.0 dB/)]);
  });

  it('is refused where nothing was compared', () => {
    expect(refusals(measured(), measured({ fidelity: [] }), budget())).toEqual([expect.stringMatching(/no output/)]);
  });
});

it('what took no time, or was not timed, is refused', () => {
  const note = 'latency and memory were not measured: no process';
  const reasons = refusals(measured(), measured({ p50Ms: null, notes: [note] }), budget());
  expect(reasons).toEqual([note]);
  expect(refusals(measured({ p50Ms: null }), measured(), budget())).toEqual(['latency was not measured']);
  expect(refusals(measured({ p50Ms: 0 }), measured({ p50Ms: 0 }), budget())).toHaveLength(1);
});
