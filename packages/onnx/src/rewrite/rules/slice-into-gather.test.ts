import { describe, expect, it } from 'vitest';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { sliceIntoGather } from './slice-into-gather.js';

const END = 2 ** 53;

const build = (shape: (number | string)[], start: number, end: number, axis: number, squeezed = axis) =>
  network(shape, (b, x) => {
    const [from, to, along, out] = [start, end, axis, squeezed].map((n) => b.constant(int64([1], [n])));
    return b.node('Squeeze', [b.node('Slice', [x, from!, to!, along!]), out!]);
  });

describe('slice-into-gather', () => {
  it.each([
    [[3, 4, 5], 1, 2, 1],
    [['n', 4, 5], -1, END, -2],
    [[3, 4], -2, -1, 0],
  ])('of %j from %j to %j along axis %j', async (shape, start, end, axis) => {
    const model = build(shape, start, end, axis);
    const { model: result, fired } = rewritten(model, [sliceIntoGather]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Gather']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves what takes more places, and a Squeeze of another axis', () => {
    expect(rewritten(build([1, 3, 4], 0, 2, 1, 0), [sliceIntoGather]).fired).toEqual([]);
    expect(rewritten(build([1, 3, 4], 0, 1, 1, 0), [sliceIntoGather]).fired).toEqual([]);
  });
});
