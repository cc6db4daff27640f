import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dominates, frontOf, hypervolume, type Costs } from './front.js';

const costs = fc.record({ points: fc.nat(4), bytes: fc.nat(4), macs: fc.nat(4) });

it('has exactly one of each that nothing beats', () => {
  fc.assert(
    fc.property(fc.array(costs, { maxLength: 12 }), (all) => {
      const front = frontOf(all);
      const key = (c: Costs): string => `${c.points} ${c.bytes} ${c.macs}`;
      expect(new Set(front.map(key)).size).toBe(front.length);
      for (const one of all) {
        // Each of the others is matched by one of the front.
        expect(front.some((f) => dominates(f, one) || key(f) === key(one))).toBe(true);
        const beaten = all.some((other) => dominates(other, one));
        expect(front.some((f) => key(f) === key(one))).toBe(!beaten);
      }
    }),
  );
});

it('covers the cells of a grid that something dominates', () => {
  fc.assert(
    fc.property(fc.array(costs, { maxLength: 8 }), (all) => {
      const [cells, reference] = [[0, 1, 2, 3], { points: 4, bytes: 4, macs: 4 }];
      const covered = cells.flatMap((points) =>
        cells.flatMap((bytes) =>
          cells.filter((macs) => all.some((c) => c.points <= points && c.bytes <= bytes && c.macs <= macs)),
        ),
      );
      expect(hypervolume(all, reference)).toBeCloseTo(covered.length / 64, 12);
    }),
  );
  expect(hypervolume([{ points: -3, bytes: 0, macs: 0 }], { points: 2, bytes: 1, macs: 1 })).toBe(1);
});
