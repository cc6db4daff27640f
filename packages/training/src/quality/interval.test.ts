import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rocAuc } from '../metrics/ranking.js';
import { weightedAuc } from './classification.js';
import { bootstrap, normal, weightedMean, wilson } from './interval.js';

interface Ends {
  low: number;
  high: number;
}
interface Golden {
  wilson: ({ hits: number; samples: number } & Ends)[];
  normal: ({ values: number[] } & Ends)[];
  bootstrap: ({ name: string; data: number[][] } & Ends)[];
  auc: number;
}

const path = new URL('../../goldens/quality.golden.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;

describe('intervals of 95 %', () => {
  it.each(golden.wilson)("are Wilson's of $hits of $samples, as SciPy has them", ({ hits, samples, low, high }) => {
    const found = wilson(hits, samples)!;
    expect(found.method).toBe('wilson');
    expect(Math.abs(found.low - low)).toBeLessThan(1e-12);
    expect(Math.abs(found.high - high)).toBeLessThan(1e-12);
  });

  it('are those of a mean', () => {
    for (const { values, low, high } of golden.normal) {
      const found = normal(values)!;
      expect(Math.abs(found.low - low)).toBeLessThan(1e-9);
      expect(Math.abs(found.high - high)).toBeLessThan(1e-9);
    }
    expect(normal([1])).toBeNull();
  });

  it('are those of a bootstrap, as near to that of SciPy as other drawings allow', () => {
    const [rmse, auc] = golden.bootstrap as [Golden['bootstrap'][number], Golden['bootstrap'][number]];
    const squares = Float64Array.from(rmse.data[0]!);
    const [scores, truth] = auc.data.map((d) => Float64Array.from(d)) as [Float64Array, Float64Array];
    for (const [wanted, found] of [
      [rmse, bootstrap(squares.length, (w) => Math.sqrt(weightedMean(squares, w)))],
      [auc, bootstrap(scores.length, weightedAuc(scores, truth))],
    ] as const) {
      // The ends of 1,000 drawings vary by about a twentieth of the interval's width.
      const slack = 0.1 * (wanted.high - wanted.low);
      expect(Math.abs(found!.low - wanted.low), wanted.name).toBeLessThan(slack);
      expect(Math.abs(found!.high - wanted.high), wanted.name).toBeLessThan(slack);
    }
  });

  it('are the same in every run, and none of one sample', () => {
    const values = Float64Array.of(1, 2, 4, 8);
    const once = bootstrap(4, (w) => weightedMean(values, w));
    expect(bootstrap(4, (w) => weightedMean(values, w))).toEqual(once);
    expect(bootstrap(1, () => 1)).toBeNull();
    expect(bootstrap(50, (w) => weightedMean(new Float64Array(50).fill(1), w))).toBeNull();
    expect(wilson(0, 0)).toBeNull();
  });
});

it('the area under the curve of weighed samples is that of the samples written out', () => {
  const [scores, truth] = golden.bootstrap[1]!.data.map((d) => Float64Array.from(d)) as [Float64Array, Float64Array];
  const once = weightedAuc(scores, truth)(new Uint32Array(scores.length).fill(1))!;
  expect(Math.abs(once - golden.auc)).toBeLessThan(1e-12);
  const weights = Uint32Array.from(scores, (_, i) => i % 4);
  const indices = [...weights].flatMap((n, i) => new Array<number>(n).fill(i));
  const written = rocAuc(
    indices.map((i) => scores[i]!),
    (k) => truth[indices[k]!] === 1,
  )!;
  expect(Math.abs(weightedAuc(scores, truth)(weights)! - written)).toBeLessThan(1e-12);
});
