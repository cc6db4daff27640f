import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { eliminateCommonSubexpressions, mergeDuplicateConstants } from '../common-subexpressions.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { slicesIntoSplit } from './slices-into-split.js';

const END = 2 ** 53;

/** The slices of one axis, put together the other way round. */
const build = (shape: (number | string)[], axis: number, ranges: [number, number][]) =>
  network(shape, (b, x) => {
    const scalar = (n: number): string => b.constant(int64([1], [n]));
    const pieces = ranges.map(([start, end]) => b.node('Slice', [x, scalar(start), scalar(end), scalar(axis)]));
    return b.node('Concat', pieces.reverse(), { axis: int(axis) });
  });

describe('slices-into-split', () => {
  it.each<[(number | string)[], number, [number, number][]]>([
    [
      ['n', 3, 8],
      -1,
      [
        [0, 4],
        [4, END],
      ],
    ],
    [
      [2, 9],
      1,
      [
        [2, 7],
        [0, 2],
        [-2, 9],
      ],
    ],
  ])('%j along axis %j', async (shape, axis, ranges) => {
    const model = build(shape, axis, ranges);
    const { model: result } = rewritten(model, [slicesIntoSplit]);
    const merged = eliminateCommonSubexpressions(mergeDuplicateConstants(result).model).model;
    expect(ops(merged)).toEqual(['Split', 'Concat']);
    await expectSameNumbers(model, merged, EXACT);
  });

  it('leaves ranges that overlap, that leave a gap, and axes of open size', () => {
    expect(
      rewritten(
        build([6], 0, [
          [0, 4],
          [3, 6],
        ]),
        [slicesIntoSplit],
      ).fired,
    ).toEqual([]);
    expect(
      rewritten(
        build([6], 0, [
          [0, 2],
          [3, 6],
        ]),
        [slicesIntoSplit],
      ).fired,
    ).toEqual([]);
    expect(
      rewritten(
        build(['n'], 0, [
          [0, 2],
          [2, END],
        ]),
        [slicesIntoSplit],
      ).fired,
    ).toEqual([]);
  });
});
