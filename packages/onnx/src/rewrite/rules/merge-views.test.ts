import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeViews } from './merge-views.js';

describe('merge-views', () => {
  it('drops Unsqueeze and Squeeze that undo each other, whatever the sizes', async () => {
    const model = network(['n', 4], (b, x) => {
      const wide = b.node('Unsqueeze', [x, b.constant(int64([1], [1]))]);
      return b.node('Relu', [b.node('Squeeze', [wide, b.constant(int64([1], [1]))])]);
    });
    const { model: result, fired } = rewritten(model, [mergeViews]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Relu']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('makes one Reshape that copies the symbolic size', async () => {
    const model = network(['n', 2, 6], (b, x) => {
      const flat = b.node('Flatten', [x], { axis: int(1) });
      return b.node('Unsqueeze', [flat, b.constant(int64([1], [2]))]);
    });
    const { model: result, fired } = rewritten(model, [mergeViews]);
    expect(fired.length).toBe(1);
    expect([...result.graph.initializers.values()].map((t) => 'data' in t.value && [...t.value.data])).toEqual([
      [0n, 12n, 1n],
    ]);
    await expectSameNumbers(model, result, EXACT);
  });

  it('declines when the first is read elsewhere or two sizes are open', () => {
    const shared = network([2, 6], (b, x) => {
      const flat = b.node('Flatten', [x], { axis: int(0) });
      return b.node('Add', [flat, b.node('Reshape', [flat, b.constant(int64([2], [12, 1]))])]);
    });
    expect(rewritten(shared, [mergeViews]).fired).toEqual([]);
    const open = network(['n', 'm', 1, 1], (b, x) => {
      const first = b.node('Squeeze', [x, b.constant(int64([1], [3]))]);
      return b.node('Unsqueeze', [
        b.node('Squeeze', [first, b.constant(int64([1], [2]))]),
        b.constant(int64([1], [0])),
      ]);
    });
    // [n, m, 1, 1] to [1, n, m]: neither size stays where it is.
    expect(rewritten(open, [mergeViews]).model.graph.nodes.length).toBe(2);
  });
});
