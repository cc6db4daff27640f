import { describe, expect, it } from 'vitest';
import { GraphBuilder, rewrite, type Model } from '../../index.js';
import { largestDifference, outputOf, randomTensor } from '../numbers.js';
import { constantIntoConv } from './constant-into-conv.js';

function build(op: string, dims: number[]): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', [2, 3, 5, 5]);
  const conv = b.node('Conv', [
    'x',
    b.initializer('w', randomTensor([4, 3, 3, 3], 2)),
    b.initializer('bias', randomTensor([4], 3)),
  ]);
  b.output(b.node(op, [b.initializer('c', randomTensor(dims, 4)), conv]), 'float32', null);
  return b.build();
}

describe('constant-into-conv', () => {
  it.each([
    ['Add', [4, 1, 1]],
    ['Add', [1, 4, 1, 1]],
    ['Mul', [1, 4, 1, 1]],
    ['Mul', []],
  ])('folds %s with %j, the numbers agree', async (op, dims) => {
    const model = build(op, dims);
    const { model: folded, fired } = rewrite(model, constantIntoConv);
    expect(fired).toHaveLength(1);
    expect(folded.graph.nodes).toHaveLength(1);
    const x = randomTensor([2, 3, 5, 5]);
    expect(largestDifference(await outputOf(model, x), await outputOf(folded, x))).toBeLessThan(1e-5);
  });

  it('declines a constant that varies along the width', () => {
    const { fired, declined } = rewrite(build('Add', [3]), constantIntoConv);
    expect(fired).toEqual([]);
    expect(declined[0]!.reason).toContain('not one value for each channel');
  });
});
