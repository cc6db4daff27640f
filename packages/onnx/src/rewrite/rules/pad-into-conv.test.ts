import { describe, expect, it } from 'vitest';
import { float, ints, str } from '../../attributes.js';
import { float32, int64 } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { padIntoConv } from './pad-into-conv.js';

const build = (pads: number[], value = 0, attributes = {}) =>
  network([1, 2, 6, 7], (b, x) => {
    const padded = b.node('Pad', [x, b.constant(int64([pads.length], pads)), b.constant(float32([], [value]))]);
    const w = b.constant(randomTensor([3, 2, 3, 3], 2));
    return b.node('Conv', [padded, w], { pads: ints([1, 0, 1, 0]), ...attributes });
  });

describe('pad-into-conv', () => {
  it('adds the pads to those of the convolution', async () => {
    const model = build([0, 0, 1, 2, 0, 0, 0, 1]);
    const { model: result, fired } = rewritten(model, [padIntoConv]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Conv']);
    const pads = result.graph.nodes[0]!.attributes.get('pads');
    expect(pads?.kind === 'ints' && pads.value).toEqual([2n, 2n, 1n, 1n]);
    // Another way through the kernel may sum in another order.
    await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
  });

  it('reads attributes before operator set 11', async () => {
    const model = network(
      [1, 2, 6],
      (b, x) => {
        const padded = b.node('Pad', [x], { pads: ints([0, 0, 1, 0, 0, 1]), value: float(0) });
        return b.node('Conv', [padded, b.constant(randomTensor([3, 2, 3], 2))]);
      },
      { opset: 10, irVersion: 7 },
    );
    const { model: result } = rewritten(model, [padIntoConv]);
    expect(ops(result)).toEqual(['Conv']);
    await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
  });

  it.each([
    [[0, 0, 1, 1, 0, 0, 1, 1], 1, {}, /something else/],
    [[1, 0, 1, 1, 0, 0, 1, 1], 0, {}, /samples/],
    [[0, 0, -1, 0, 0, 0, 1, 1], 0, {}, /crops/],
    [[0, 0, 1, 1, 0, 0, 1, 1], 0, { auto_pad: str('VALID'), pads: undefined }, /by itself/],
  ])('declines pads %j of %d', (pads, value, attributes, reason) => {
    expect(rewritten(build(pads, value, attributes), [padIntoConv]).declined[0]!.reason).toMatch(reason);
  });
});
