import { describe, expect, it } from 'vitest';
import { benchmarkModel, benchmarkModels, percentile } from './benchmark.js';
import { addOne, slow } from './test-models.js';

describe('benchmark', () => {
  it('takes percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(values, 0.5), percentile(values, 0.95), percentile([3], 0.5)]).toEqual([50, 95, 3]);
  });

  it('measures in a process of its own, whatever the memory of this one', async () => {
    const ballast = new Uint8Array(300e6).fill(1);
    const result = await benchmarkModel({ model: addOne(), runs: 20, warmup: 2, minRoundMs: 0 });
    expect(ballast[5]).toBe(1);
    expect(result).toMatchObject({ runs: 20, threads: 1 });
    expect(result.p50Ms).toBeGreaterThan(0);
    expect(result.p95Ms).toBeGreaterThanOrEqual(result.p50Ms);
    // Of all runs, so that it is at least the lowest of the rounds' figures.
    expect(result.p99Ms).toBeGreaterThan(0);
    expect(result.cpuMs).toBeGreaterThan(0);
    expect(result.peakRssBytes).toBeGreaterThanOrEqual(result.baselineRssBytes);
    expect(result.peakRssBytes).toBeLessThan(250e6);
  });

  it('tells a larger model from a smaller one, side by side', async () => {
    const [small, large] = await benchmarkModels([slow(16, 1), slow(512, 4)], { runs: 10, warmup: 1 });
    expect(large!.p50Ms).toBeGreaterThan(small!.p50Ms);
    expect(large!.peakRssBytes).toBeGreaterThan(small!.baselineRssBytes);
  });

  it('refuses bad settings, all at once', async () => {
    const run = benchmarkModel({ model: addOne(), runs: 0, threads: 1.5 });
    await expect(run).rejects.toMatchObject({
      code: 'bad-setting',
      problems: [
        expect.stringContaining('runs'),
        expect.stringContaining('rounds'),
        expect.stringContaining('threads'),
      ],
    });
  });
});
