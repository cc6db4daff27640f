import { expect, it } from 'vitest';
import type { JournalEntry } from './journal.js';
import { families, FOLD } from './space.js';
import { Growth, Tendency } from './structures.js';

const source = { bytes: 1000, macs: 1e6 };
const family = families(true, 1).find(({ name }) => name === 'prune-filters, tuned')!;
const entry = (points: number | null, bytes: number | null, failed: string | null = null): JournalEntry => ({
  ...{ id: 'one', passes: [FOLD], points, bytes, macs: bytes && 1000 * bytes, failed },
  ...{ lossBy: 'accuracy', divergence: null, seconds: 0, changes: [] },
});

it('expects more loss the less is left, and takes what is foretold of sizes as it is', () => {
  const growth = new Growth(family, source, new Tendency(), new Map([[0.5, { bytes: 300, macs: 2e5 }]]));
  expect(growth.expected(0.5)).toMatchObject({ bytes: 300, macs: 2e5 });
  const losses = family.sizes.map((size) => growth.expected(size).points);
  expect(losses).toEqual([...losses].sort((a, b) => a - b));
});

it('expects of all that is trained alike what one of them showed, and never less loss than less of it had', () => {
  const tendency = new Tendency();
  const [growth, other] = [1, 2].map(() => new Growth(family, source, tendency)) as [Growth, Growth];
  const before = other.expected(0.5).points;
  growth.tried(0.5, entry(5, 280), false);
  expect(other.expected(0.5).points).toBeGreaterThan(2 * before);
  expect(growth.expected(0.75).points).toBeGreaterThanOrEqual(5);
  const easy = new Tendency();
  const good = new Growth(family, source, easy);
  good.tried(0.5, entry(0, 280), true);
  expect(good.expected(0.625).points).toBeLessThan(new Growth(family, source, new Tendency()).expected(0.625).points);
});

it('leaves out more of what loses too much or cannot be had, and tries half-way back', () => {
  const growth = new Growth(family, source, new Tendency());
  growth.tried(0.5, entry(0.2, 280), true);
  expect(growth.tried(0.75, entry(3, 90), false)).toEqual([
    { size: 0.875, reason: 'prune-filters, tuned: 0.75 already loses too much' },
  ]);
  expect(growth.open).toEqual([0.25, 0.375, 0.625]);
  expect(growth.tried(0.375, entry(null, null, 'refused'), false).map(({ size }) => size)).toEqual([0.625]);
  growth.tried(0.25, entry(0, 600), true);
  expect(growth.open).toEqual([0.625]);
});
