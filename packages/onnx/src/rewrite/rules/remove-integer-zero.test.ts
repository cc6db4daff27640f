import { describe, expect, it } from 'vitest';
import { float32, int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { removeIntegerZero } from './remove-integer-zero.js';

describe('remove-integer-zero', () => {
  it.each([false, true])('zero on the left: %s', async (left) => {
    const model = network(
      [3],
      (b, x) => {
        const zero = b.constant(int64([2, 1], [0, 0]));
        return b.node('Add', [b.node('Mul', left ? [zero, x] : [x, zero]), x]);
      },
      { dtype: 'int64' },
    );
    const { model: result, fired } = rewritten(model, removeIntegerZero);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Add']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('keeps the product of floats, which may be NaN', () => {
    const model = network([3], (b, x) => b.node('Mul', [x, b.constant(float32([], [0]))]));
    expect(rewritten(model, removeIntegerZero).declined[0]!.reason).toBe('the values are not whole numbers');
  });
});
