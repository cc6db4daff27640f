import { describe, expect, it } from 'vitest';
import { float32, GraphBuilder, int, rewrite, type Model } from '../../index.js';
import { largestDifference, outputOf, randomTensor } from '../numbers.js';
import { batchNormIntoGemm } from './batch-norm-into-gemm.js';

function build(transB: number, bias: boolean): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', [2, 6]);
  const inputs = ['x', b.initializer('w', randomTensor(transB ? [4, 6] : [6, 4], 2))];
  if (bias) inputs.push(b.initializer('bias', randomTensor([4], 3)));
  const y = b.node('Gemm', inputs, { transB: int(transB) });
  const positive = (name: string, seed: number): string =>
    b.initializer(
      name,
      float32(
        [4],
        randomTensor([4], seed).data.map((v) => v * 0.5 + 1),
      ),
    );
  const norm = b.node('BatchNormalization', [
    y,
    positive('scale', 4),
    positive('shift', 5),
    positive('mean', 6),
    positive('var', 7),
  ]);
  b.output(norm, 'float32', [2, 4]);
  return b.build();
}

describe('batch-norm-into-gemm', () => {
  it.each([
    [0, true],
    [1, true],
    [1, false],
  ])('folds with transB = %d, bias %s, the numbers agree', async (transB, bias) => {
    const model = build(transB, bias);
    const { model: folded, fired } = rewrite(model, [batchNormIntoGemm]);
    expect(fired.map((f) => f.rule)).toEqual(['batch-norm-into-gemm']);
    const x = randomTensor([2, 6]);
    expect(largestDifference(await outputOf(model, x), await outputOf(folded, x))).toBeLessThan(1e-5);
  });
});
