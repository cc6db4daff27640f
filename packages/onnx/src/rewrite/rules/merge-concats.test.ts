import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeConcats } from './merge-concats.js';

const build = (axis: number, shared = false) =>
  network([2, 3], (b, x) => {
    const pair = b.node('Concat', [x, b.node('Neg', [x])], { axis: int(axis) });
    const all = b.node('Concat', [pair, b.node('Abs', [x])], { axis: int(1) });
    return shared ? b.node('Concat', [all, pair], { axis: int(1) }) : all;
  });

describe('merge-concats', () => {
  it.each([1, -1])('along axis %d', async (axis) => {
    const model = build(axis);
    const { model: result, fired } = rewritten(model, [mergeConcats]);
    expect(fired.length).toBe(1);
    expect(ops(result).filter((op) => op === 'Concat').length).toBe(1);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves one that is read elsewhere too', async () => {
    const model = build(1, true);
    const { model: result, fired } = rewritten(model, [mergeConcats]);
    // Only the last takes in the one before it.
    expect(fired.length).toBe(1);
    expect(ops(result).filter((op) => op === 'Concat').length).toBe(2);
    await expectSameNumbers(model, result, EXACT);
  });
});
