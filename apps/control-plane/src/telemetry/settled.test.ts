import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settle, type Settled } from './settled.js';

const seq = fc.integer({ min: 1, max: 40 });
const batches = fc.array(
  fc.record({ seqs: fc.array(seq, { maxLength: 12 }), oldest: fc.integer({ min: 0, max: 20 }) }),
);

describe('settle', () => {
  it('gives each seq once, in whatever order and however often it comes, as a set would', () => {
    fc.assert(
      fc.property(batches, (all) => {
        const model = new Set<number>();
        let settled: Settled = { through: 0, ahead: [] };
        for (const { seqs, oldest } of all) {
          const { fresh, after } = settle(settled, oldest, seqs);
          const expected = [...new Set(seqs)].filter((s) => !model.has(s));
          expect(fresh).toEqual(expected.sort((a, b) => a - b));
          for (const s of seqs) model.add(s);
          for (let s = 1; s < oldest; s++) model.add(s);
          settled = after;
          let through = 0;
          while (model.has(through + 1)) through++;
          expect(settled.through).toBe(Math.max(through, 0));
          const ahead = settled.ahead.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
          expect(ahead).toEqual([...model].filter((s) => s > through).sort((a, b) => a - b));
        }
      }),
    );
  });
});
