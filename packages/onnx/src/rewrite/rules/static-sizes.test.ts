import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { staticSizes } from './static-sizes.js';

const build = (index: number, attributes = {}) =>
  network(['n', 5, 7], (b, x) => {
    const size = b.node('Gather', [b.node('Shape', [x], attributes), b.constant(int64([], [index]))]);
    return b.node('Add', [size, b.constant(int64([], [1]))]);
  });

describe('static-sizes', () => {
  it.each([
    [1, {}],
    [-1, {}],
    [0, { start: int(1) }],
  ])('size %d of those chosen: %#', async (index, attributes) => {
    const model = build(index, attributes);
    const { model: result, fired } = rewritten(model, [staticSizes]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Add']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves an open size', () => {
    expect(rewritten(build(0), [staticSizes]).declined[0]!.reason).toMatch(/not known/);
  });
});
