import { describe, expect, it } from 'vitest';
import type { BenchmarkFigures } from '@verge/training';
import { withSecondLook } from './second-look.js';

const figures = (p50Ms: number): BenchmarkFigures => ({
  ...{ p50Ms, p95Ms: p50Ms, peakRssBytes: 1 },
  ...{ threads: 1, runs: 100, machine: 'one' },
});

describe('a second look at latency', () => {
  const answers = (...all: number[][]) => {
    const rounds: (number | undefined)[] = [];
    const benchmark = withSecondLook((_, options) => {
      rounds.push(options.rounds);
      return Promise.resolve((all.shift() ?? []).map(figures));
    }, 1.5);
    return { rounds, measured: () => benchmark([], { threads: 1 }) };
  };

  it('is not taken where the first is within the bound', async () => {
    const { rounds, measured } = answers([2, 3]);
    expect((await measured()).map(({ p50Ms }) => p50Ms)).toEqual([2, 3]);
    expect(rounds).toEqual([undefined]);
  });

  it('is longer, and counts whether it is better or worse', async () => {
    for (const second of [1.1, 9]) {
      const { rounds, measured } = answers([2, 3.1], [2, second]);
      expect((await measured()).map(({ p50Ms }) => p50Ms)).toEqual([2, second]);
      expect(rounds).toEqual([undefined, 45]);
    }
  });
});
