import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../../test-models.js';
import { kernelOrder, overflows, type KernelOrder } from '../../targets/kernel-pairs.js';
import { narrowed } from './narrow.js';
import { quantizeWeight } from './scale.js';

const gemm = { op: 'MatMul', domain: '', name: '', inputs: [], outputs: [], attributes: new Map() };

function errorOf(values: Float32Array, { data, scales }: { data: Int8Array; scales: Float32Array }): number {
  return values.reduce((sum, v, i) => sum + (v - data[i]! * scales[i % scales.length]!) ** 2, 0);
}

describe('int8 weights whose pairs fit 16 bits', () => {
  it('leave none that could overflow, whatever they are', () => {
    const weights = fc.array(fc.float({ min: -3, max: 3, noNaN: true }), { minLength: 14, maxLength: 14 });
    fc.assert(
      fc.property(weights, (given) => {
        const values = Float32Array.from(given);
        const order = kernelOrder(gemm, [7, 2], 1) as KernelOrder;
        const { data, scales } = quantizeWeight(values, [7, 2], 1, { narrow: false });
        const before = [0, 1].filter((c) => overflows(order, data, c)).length;
        expect(narrowed(values, order, scales, data)).toBe(before);
        expect([0, 1].filter((c) => overflows(order, data, c))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('lose less than with a scale that suits any two of them, and hardly more than without', () => {
    const values = randomTensor([256, 16], 3).data.map((v) => v ** 3);
    const order = kernelOrder(gemm, [256, 16], 1) as KernelOrder;
    const any = errorOf(values, quantizeWeight(values, [256, 16], 1, { narrow: true }));
    const plain = quantizeWeight(values, [256, 16], 1, { narrow: false });
    const without = errorOf(values, plain);
    expect(narrowed(values, order, plain.scales, plain.data)).toBeGreaterThan(8);
    const fitted = errorOf(values, plain);
    expect(fitted).toBeLessThan(0.8 * any);
    expect(fitted).toBeLessThan(3 * without);
  });
});
