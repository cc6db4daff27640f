import { describe, expect, it } from 'vitest';
import { float32, int64, type Tensor } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { removeNeutral } from './remove-neutral.js';

const build = (op: string, constant: Tensor, left = false) =>
  network(
    ['n', 3],
    (b, x) => {
      const c = b.constant(constant);
      return b.node('Neg', [b.node(op, left ? [c, x] : [x, c])]);
    },
    { dtype: constant.dtype },
  );

describe('remove-neutral', () => {
  it.each<[string, Tensor, boolean]>([
    ['Add', float32([3], [0, 0, 0]), true],
    ['Sub', float32([], [0]), false],
    ['Mul', float32([1, 1], [1]), true],
    ['Div', int64([3], [1, 1, 1]), false],
    ['Pow', float32([], [1]), false],
  ])('%s', async (op, constant, left) => {
    const model = build(op, constant, left);
    const { model: result, fired } = rewritten(model, removeNeutral);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Neg']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('keeps a constant that changes or broadcasts the value', () => {
    expect(rewritten(build('Add', float32([3], [0, 0, 1])), removeNeutral).declined[0]!.reason).toMatch(/changes/);
    expect(rewritten(build('Mul', float32([1, 1, 1], [1])), removeNeutral).declined[0]!.reason).toMatch(/broadcast/);
    expect(rewritten(build('Sub', float32([], [0]), true), removeNeutral).fired).toEqual([]);
  });
});
