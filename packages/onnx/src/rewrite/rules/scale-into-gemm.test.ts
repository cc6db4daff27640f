import { describe, expect, it } from 'vitest';
import { float, int, ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import { float32, int64 } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { scaleIntoGemm } from './scale-into-gemm.js';

const gemm = (b: GraphBuilder, x: string, attributes = {}): string =>
  b.node('Gemm', [x, b.initializer('w', randomTensor([6, 8], 1)), b.initializer('c', randomTensor([6], 2))], {
    transB: int(1),
    ...attributes,
  });

const half = (b: GraphBuilder): string => b.constant(float32([], [0.5]));

/** Two heads of three columns of a product, in the order of attention. */
function heads(b: GraphBuilder, value: string): string {
  const shaped = b.node('Reshape', [value, b.constant(int64([3], [-1, 2, 3]))]);
  return b.node('Transpose', [shaped], { perm: ints([1, 0, 2]) });
}

describe('scale-into-gemm', () => {
  it('behind a Gemm that has factors of its own', async () => {
    const model = network([4, 8], (b, x) => b.node('Div', [gemm(b, x, { alpha: float(3), beta: float(2) }), half(b)]));
    const { model: result } = rewritten(model, scaleIntoGemm);
    expect(ops(result)).toEqual(['Gemm']);
    await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
  });

  it('behind the product of heads, whichever operand comes from a Gemm; what is stored stays', async () => {
    for (const first of [true, false]) {
      const model = network([4, 8], (b, x) => {
        const own = heads(b, gemm(b, x));
        const other = b.initializer('k', randomTensor(first ? [2, 3, 5] : [2, 5, 4], 3));
        return b.node('Mul', [b.node('MatMul', first ? [own, other] : [other, own]), half(b)]);
      });
      const { model: result } = rewritten(model, scaleIntoGemm);
      expect(ops(result)).toEqual(['Gemm', 'Reshape', 'Transpose', 'MatMul']);
      expect(result.graph.initializers.get('w')).toEqual(model.graph.initializers.get('w'));
      await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
    }
  });

  it('leaves a Gemm that is read elsewhere', () => {
    const model = network([4, 8], (b, x) => {
      const y = gemm(b, x);
      return b.node('Add', [b.node('Mul', [y, half(b)]), y]);
    });
    expect(rewritten(model, scaleIntoGemm).fired).toEqual([]);
  });
});
