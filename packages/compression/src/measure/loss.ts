/** By how much a variant is worse than the source, as one number that variants can be ordered by. */
import type { Fidelity, Quality } from '@verge/contracts';
import { judges, judging, saysSomething } from './gate.js';

export interface Loss {
  /**
   * Points: of a share (accuracy, area under the curve) its fall in percentage points, of an error its rise in percent. Without labels the
   * share of samples with another class in percent, of numbers noise over signal in percent. The worst of all outputs.
   */
  readonly points: number;
  /** What was taken: the metric, or agreement, or noise. */
  readonly by: string;
}

function byTruth(before: readonly Quality[], after: readonly Quality[]): Loss[] {
  return before
    .filter((q) => judges(q) && saysSomething(q))
    .map((source) => {
      const result = after.find(
        (q) => q.output === source.output && q.task === source.task && q.metric === source.metric,
      );
      const { metric: by } = source;
      if (!result) return { points: Infinity, by };
      if (judging[source.task].by === 'points') return { points: 100 * (source.value - result.value), by };
      return {
        points: source.value > 0 ? 100 * (result.value / source.value - 1) : result.value > 0 ? Infinity : 0,
        by,
      };
    });
}

function byLikeness({ problem, reads, agreement, sqnrDb }: Fidelity): Loss {
  if (problem !== null) return { points: Infinity, by: problem };
  if (reads !== 'values') return { points: 100 * (1 - (agreement ?? 0)), by: 'agreement' };
  return { points: sqnrDb === null ? Infinity : 100 * 10 ** (-sqnrDb / 10), by: 'noise over signal' };
}

/** Labels decide where they say something; else how near the outputs are to the source's. */
export function lossOf(before: readonly Quality[], after: readonly Quality[], likeness: readonly Fidelity[]): Loss {
  const truth = byTruth(before, after);
  const all = truth.length > 0 ? truth : likeness.map(byLikeness);
  return all.reduce(
    (worst, one) => (one.points > worst.points ? one : worst),
    all[0] ?? { points: Infinity, by: 'nothing' },
  );
}

/**
 * What chance may hide of a loss of accuracy, as one standard error of the difference: of so many samples those that got another class
 * count, whichever is right. A few samples on which as many were lost as won say less than many on which nothing moved.
 * @returns percentage points; 0 where no output reads as classes
 */
export function doubtOf(likeness: readonly Fidelity[]): number {
  const errors = likeness.map(({ reads, agreement, samples }) =>
    reads === 'values' || agreement === null || samples === 0 ? 0 : Math.sqrt((1 - agreement) / samples),
  );
  return 100 * Math.max(0, ...errors);
}
