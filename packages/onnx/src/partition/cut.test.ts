import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutSequence, type CutProblem, type Cuts } from './cut.js';

/** Nodes with whole costs, and bytes that a stage receives, never decreasing with its end. */
const problems = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 9 }).chain((costs) =>
  fc
    .array(fc.array(fc.constantFrom(0, 0, 1, 2, 5, Infinity), { minLength: costs.length, maxLength: costs.length }), {
      minLength: costs.length,
      maxLength: costs.length,
    })
    .map((steps): CutProblem => {
      const receives = (start: number): Float64Array => {
        const row = new Float64Array(costs.length + 1);
        for (let end = start + 1; end <= costs.length; end++) row[end] = row[end - 1]! + steps[start]![end - 1]!;
        return start === 0 ? new Float64Array(costs.length + 1) : row;
      };
      return { costs, receives };
    }),
);

/** Every way to cut, tried. */
function exhaustive({ costs, receives }: CutProblem, stages: number, slack: number): Cuts | null {
  const found: Cuts[] = [];
  const extend = (starts: number[]): void => {
    if (starts.length < stages) {
      for (let next = starts.at(-1)! + 1; next < costs.length; next++) extend([...starts, next]);
      return;
    }
    const ends = [...starts.slice(1), costs.length];
    const each = starts.map((start, k) => costs.slice(start, ends[k]).reduce((a, b) => a + b, 0));
    const traffic = starts.reduce((sum, start, k) => sum + receives(start)[ends[k]!]!, 0);
    if (traffic < Infinity) found.push({ starts, bottleneck: Math.max(...each), traffic });
  };
  extend([0]);
  const least = Math.min(...found.map((c) => c.bottleneck));
  const allowed = found.filter((c) => c.bottleneck <= least * (1 + slack));
  allowed.sort((a, b) => a.traffic - b.traffic || a.bottleneck - b.bottleneck);
  return allowed[0] ?? null;
}

describe('cutting a sequence', () => {
  it('finds what trying every cut finds', () => {
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, 0.25, 1), (problem, stages, slack) => {
        const [ours, best] = [cutSequence(problem, stages, slack), exhaustive(problem, stages, slack)];
        expect(ours && [ours.bottleneck, ours.traffic]).toEqual(best && [best.bottleneck, best.traffic]);
        if (ours) expect([ours.starts.length, ours.starts[0]]).toEqual([stages, 0]);
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  it('pays slack for less traffic, and no more than allowed', () => {
    // The even cut costs 100 bytes; the one after the first node, 1 byte.
    const bytes = [0, 1, 100, 50];
    const problem: CutProblem = {
      costs: [1.5, 1, 1, 1.5],
      receives: (start) => new Float64Array(5).fill(bytes[start]!),
    };
    expect(cutSequence(problem, 2, 0)).toEqual({ starts: [0, 2], bottleneck: 2.5, traffic: 100 });
    expect(cutSequence(problem, 2, 0.5)).toEqual({ starts: [0, 1], bottleneck: 3.5, traffic: 1 });
  });
});
