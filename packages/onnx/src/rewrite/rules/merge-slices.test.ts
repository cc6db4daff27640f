import { describe, expect, it } from 'vitest';
import type { GraphBuilder } from '../../builder.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeSlices } from './merge-slices.js';

const LARGEST = 2n ** 63n - 1n;

/** [start, end, axis, step] */
type Cut = readonly [number, number | bigint, number, number];

const slice = (b: GraphBuilder, x: string, cut: Cut): string =>
  b.node('Slice', [x, ...cut.map((v) => b.constant(int64([1], [v])))]);

const build = (first: Cut, second: Cut) => network([4, 6, 5], (b, x) => slice(b, slice(b, x, first), second));

describe('merge-slices', () => {
  it.each<[Cut, Cut]>([
    [
      [1, 3, 0, 1],
      [0, LARGEST, 2, 2],
    ],
    [
      [-1, -LARGEST, -1, -1],
      [2, LARGEST, -2, 1],
    ],
  ])('one slice out of two: %#', async (first, second) => {
    const model = build(first, second);
    const { model: result, fired } = rewritten(model, [mergeSlices]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Slice']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves slices of what may be the same axis', () => {
    expect(rewritten(build([1, 3, 2, 1], [0, 1, 2, 1]), [mergeSlices]).fired).toEqual([]);
    expect(rewritten(build([1, 3, 2, 1], [0, 1, -1, 1]), [mergeSlices]).fired).toEqual([]);
  });
});
