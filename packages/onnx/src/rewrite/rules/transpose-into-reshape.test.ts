import { describe, expect, it } from 'vitest';
import { ints } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { transposeIntoReshape } from './transpose-into-reshape.js';

const build = (shape: (number | string)[], perm: number[]) =>
  network(shape, (b, x) => {
    const t = b.node('Transpose', [x], { perm: ints(perm) });
    return b.node('Unsqueeze', [t, b.constant(int64([1], [0]))]);
  });

describe('transpose-into-reshape', () => {
  it.each([
    [
      [1, 4, 1, 5],
      [1, 0, 3, 2],
    ],
    [
      ['n', 1, 5],
      [1, 0, 2],
    ],
  ])('%j by %j moves no element', async (shape, perm) => {
    const model = build(shape, perm);
    const { model: result, fired } = rewritten(model, [transposeIntoReshape]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Reshape', 'Unsqueeze']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves one that does, and one without a neighbour to merge with', () => {
    expect(rewritten(build([2, 3], [1, 0]), [transposeIntoReshape]).declined[0]!.reason).toBe('it moves elements');
    const alone = network([1, 3], (b, x) => b.node('Transpose', [x], { perm: ints([1, 0]) }));
    expect(rewritten(alone, [transposeIntoReshape]).declined[0]!.reason).toMatch(/neighbour/);
  });
});
