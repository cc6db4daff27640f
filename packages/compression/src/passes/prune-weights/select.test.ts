import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acrossLayers, keepLargest, layerAdaptive, sharesOf, withinLayers } from './select.js';

const list = fc
  .array(fc.constantFrom(0, 0.5, 1, 2, 3, 5, 8), { minLength: 1, maxLength: 60 })
  .map((a) => Float64Array.from(a));

describe('schedules', () => {
  it('are the cubic curve of Zhu and Gupta, and equal shares of what is left', () => {
    const gradual = sharesOf(0.8, { by: 'gradual', rounds: 4, epochs: 1 });
    // s_t = s_f (1 - (1 - t/n)^3).
    [0.8 * (37 / 64), 0.8 * (56 / 64), 0.8 * (63 / 64), 0.8].forEach((s, i) => expect(gradual[i]).toBeCloseTo(s, 12));
    const left = sharesOf(0.9375, { by: 'iterative', rounds: 4, epochs: 1 }).map((s) => 1 - s);
    [1 / 2, 1 / 4, 1 / 8, 1 / 16].forEach((l, i) => expect(left[i]).toBeCloseTo(l, 12));
    expect(sharesOf(0.7, { by: 'one-shot' })).toEqual([0.7]);
  });
});

describe('masks', () => {
  it('keep as many as asked for, and none that is smaller than one that goes', () => {
    fc.assert(
      fc.property(list, fc.nat(70), (scores, count) => {
        const mask = keepLargest(scores, count);
        const [kept, gone] = [1, 0].map((bit) => [...scores].filter((_, i) => mask[i] === bit));
        expect(kept!.length).toBe(Math.min(count, scores.length));
        expect(Math.min(Infinity, ...kept!)).toBeGreaterThanOrEqual(Math.max(-Infinity, ...gone!));
      }),
    );
  });

  it('within layers leave the same share of each, across layers one at least of each', () => {
    const scores = [Float64Array.of(1, 2, 3, 4), Float64Array.of(100, 200, 300, 400)];
    expect(withinLayers(scores, [0.5, 0.75]).map((m) => [...m])).toEqual([
      [0, 0, 1, 1],
      [0, 0, 0, 1],
    ]);
    expect(acrossLayers(scores, 0.5).map((m) => [...m])).toEqual([
      [0, 0, 0, 1],
      [1, 1, 1, 1],
    ]);
  });

  it('by layer-adaptive scores do not depend on the size of a layer: 1 of its largest, the share of a square of what is left', () => {
    const scores = layerAdaptive(Float64Array.of(3, 1, 2, 0));
    [1, 1 / 14, 4 / 13, 0].forEach((s, i) => expect(scores[i]).toBeCloseTo(s, 12));
    fc.assert(
      fc.property(list, (sizes) => {
        const larger = layerAdaptive(sizes.map((s) => 1000 * s));
        layerAdaptive(sizes).forEach((s, i) => expect(larger[i]).toBeCloseTo(s, 9));
      }),
    );
  });
});
