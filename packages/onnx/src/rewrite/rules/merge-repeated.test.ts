import { describe, expect, it } from 'vitest';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeRepeated } from './merge-repeated.js';

const build = (first: string, second: string) =>
  network([3, 7], (b, x) => b.node('Exp', [b.node(second, [b.node(first, [x])])]));

describe('merge-repeated', () => {
  it.each([
    ['Relu', ['Relu', 'Exp']],
    ['Round', ['Round', 'Exp']],
    ['Neg', ['Exp']],
  ])('%s twice', async (op, left) => {
    const model = build(op, op);
    const { model: result, fired } = rewritten(model, [mergeRepeated]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(left);
    await expectSameNumbers(model, result, EXACT);
  });

  it('keeps different operators', () => {
    expect(rewritten(build('Relu', 'Neg'), [mergeRepeated]).fired).toEqual([]);
  });
});
