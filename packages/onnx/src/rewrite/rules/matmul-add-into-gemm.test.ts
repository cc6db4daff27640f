import { describe, expect, it } from 'vitest';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { matMulAddIntoGemm } from './matmul-add-into-gemm.js';

const build = (shape: (number | string)[], bias: number[], left: boolean) =>
  network(shape, (b, x) => {
    const product = b.node('MatMul', [x, b.constant(randomTensor([8, 5], 2))]);
    const c = b.constant(randomTensor(bias, 3));
    return b.node('Add', left ? [c, product] : [product, c]);
  });

describe('matmul-add-into-gemm', () => {
  it.each([
    [[5], false],
    [[1, 5], true],
    [[1], false],
  ])('with a bias of %j, on the left: %s', async (bias, left) => {
    const model = build(['n', 8], bias, left);
    const { model: result, fired } = rewritten(model, matMulAddIntoGemm);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Gemm']);
    await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
  });

  it('leaves batches of matrices and biases of several rows', () => {
    expect(rewritten(build([2, 3, 8], [5], false), matMulAddIntoGemm).declined[0]!.reason).toMatch(/matrices/);
    expect(rewritten(build([3, 8], [3, 5], false), matMulAddIntoGemm).declined[0]!.reason).toBe(
      'the bias is not one row',
    );
  });
});
