import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import { float32, int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { shapeOfValue } from './shape-of-value.js';

/** The shape of x with another last size, worked out as exporters do. */
function worked(b: GraphBuilder, x: string, last: number): string {
  const first = b.node('Gather', [b.node('Shape', [x]), b.constant(int64([1], [0]))]);
  return b.node('Concat', [first, b.constant(int64([1], [last]))], { axis: int(0) });
}

const expanded = (last: number) =>
  network(['n', 4], (b, x) => b.node('Expand', [b.constant(float32([1, 1], [2])), worked(b, x, last)]));

describe('shape-of-value', () => {
  it('takes the shape of the value that it comes to', async () => {
    const model = expanded(4);
    const { model: result } = rewritten(model, [shapeOfValue]);
    expect(ops(result)).toEqual(['Shape', 'Expand']);
    await expectSameNumbers(model, result, EXACT);
    const filled = network(['n', 4], (b, x) => b.node('ConstantOfShape', [worked(b, x, 4)]));
    const { model: shorter } = rewritten(filled, [shapeOfValue]);
    expect(ops(shorter)).toEqual(['Shape', 'ConstantOfShape']);
    await expectSameNumbers(filled, shorter, EXACT);
  });

  it('leaves another shape', () => {
    expect(rewritten(expanded(5), [shapeOfValue]).declined[0]!.reason).toMatch(/no value/);
  });
});
