import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { staticReshape } from './static-reshape.js';

describe('static-reshape', () => {
  it('replaces a computed shape by a constant with a 0 for the open size', async () => {
    const model = network(['n', 2, 6], (b, x) => {
      const size = b.node('Gather', [b.node('Shape', [x]), b.constant(int64([1], [0]))]);
      const shape = b.node('Concat', [size, b.constant(int64([1], [12]))], { axis: int(0) });
      return b.node('Reshape', [x, shape]);
    });
    const { model: result, fired } = rewritten(model, [staticReshape]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Reshape']);
    expect([...result.graph.initializers.values()].map((t) => 'data' in t.value && [...t.value.data])).toEqual([
      [0n, 12n],
    ]);
    await expectSameNumbers(model, result, EXACT);
  });

  it('infers a size that moves, and declines when two do', async () => {
    const swapped = (dims: readonly (number | string)[]) =>
      network(dims, (b, x) => {
        const shape = b.node('Gather', [b.node('Shape', [x]), b.constant(int64([2], [1, 0]))]);
        return b.node('Reshape', [x, shape]);
      });
    const { model, fired } = rewritten(swapped(['n', 3]), [staticReshape]);
    expect(fired.length).toBe(1);
    await expectSameNumbers(swapped(['n', 3]), model, EXACT);
    expect(rewritten(swapped(['n', 'm']), [staticReshape]).declined[0]!.reason).toMatch(/not known/);
  });
});
