import type { Measurement } from '@verge/contracts';
import { expect, it } from 'vitest';
import { steadied } from './steady.js';

const at = (p50Ms: number | null): Measurement => ({
  ...{ bytes: 1, parameters: 1, macs: 1, samples: 1, p50Ms, p95Ms: p50Ms && 2 * p50Ms, peakRssBytes: 1, threads: 1 },
  ...{ runs: 1, machine: 'test' },
});
const notSlower = (source: number): number[] => [1.03 * source];

it('measures again what is near the bound alone, and takes the medians', async () => {
  // The second is refused and the third let through by chance; the first and the last are far from the bound.
  const first = [1, 0.5, 1.1, 1, 1.6].map(at);
  const turns = [
    [1.02, 1.01, 1.08],
    [0.99, 1.0, 1.09],
  ];
  const asked: (readonly number[])[] = [];
  const settled = await steadied(first, notSlower, (which) => {
    asked.push(which);
    return Promise.resolve(turns[asked.length - 1]!.map(at));
  });
  expect(asked).toEqual([
    [0, 2, 3],
    [0, 2, 3],
  ]);
  expect(settled.map(({ p50Ms }) => p50Ms)).toEqual([1, 0.5, 1.01, 1.08, 1.6]);
  expect(settled[2]!.p95Ms).toBe(2.02);
  expect(settled[2]!.notes).toEqual([expect.stringMatching(/the median of 3 measurements, 1\.0000 to 1\.1000 ms/)]);
  expect(settled[1]).toBe(first[1]);
});

it('measures nothing again where nothing is near, or nothing was measured', async () => {
  const never = () => Promise.reject(new Error('measured again'));
  for (const first of [[1, 0.5].map(at), [null, 1].map(at), [1, null].map(at)])
    expect(await steadied(first, notSlower, never)).toEqual(first);
});
