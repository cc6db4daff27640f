import { describe, expect, it } from 'vitest';
import { attrFloat, str } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Model } from '../../ir.js';
import { float32, type DataType } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { contributedGelu } from './contributed-gelu.js';

const NEAR = { absolute: 1e-6, relative: 2e-6 };
const scalar = (b: GraphBuilder, v: number, dims: readonly number[] = []): string => b.constant(float32(dims, [v]));
const model = (
  body: (b: GraphBuilder, x: string) => string,
  opset = 17,
  dtype: DataType = 'float32',
  shape: readonly (string | number)[] = ['batch', 5],
): Model => network(shape, body, { opset, dtype, opsets: { 'com.microsoft': 1 } });

const gelu = (b: GraphBuilder, x: string): string => {
  const erf = b.node('Erf', [b.node('Div', [x, scalar(b, Math.SQRT2)])]);
  return b.node('Mul', [b.node('Mul', [x, b.node('Add', [erf, scalar(b, 1)])]), scalar(b, 0.5)]);
};
const fast = (b: GraphBuilder, x: string): string => {
  const cubic = b.node('Mul', [b.node('Pow', [x, scalar(b, 3)]), scalar(b, 0.044715)]);
  const inner = b.node('Mul', [b.node('Add', [x, cubic]), scalar(b, Math.sqrt(2 / Math.PI))]);
  const plus = b.node('Add', [b.node('Tanh', [inner]), scalar(b, 1)]);
  return b.node('Mul', [b.node('Mul', [scalar(b, 0.5), x]), plus]);
};
const quick = (b: GraphBuilder, x: string, alpha: string): string =>
  b.node('Mul', [x, b.node('Sigmoid', [alpha === '' ? x : b.node('Mul', [alpha, x])])]);
const row = (b: GraphBuilder, x: string): string => b.node('Add', [b.constant(randomTensor([5], 3)), x]);

describe('contributed-gelu', () => {
  it.each<[string, string, Model]>([
    ['Gelu', 'by Erf', model(gelu)],
    ['FastGelu', 'by Tanh', model(fast)],
    ['BiasGelu', 'by Erf behind a bias', model((b, x) => gelu(b, row(b, x)))],
    ['FastGelu', 'by Tanh behind a bias', model((b, x) => fast(b, row(b, x)))],
    ['BiasGelu', 'of operator set 20 behind a bias', model((b, x) => b.node('Gelu', [row(b, x)]), 20)],
    [
      'FastGelu',
      'of operator set 20 by Tanh behind a bias',
      model((b, x) => b.node('Gelu', [row(b, x)], { approximate: str('tanh') }), 20),
    ],
    ['QuickGelu', 'x * sigmoid(x)', model((b, x) => quick(b, x, ''))],
    ['QuickGelu', 'x * sigmoid(1.702 x)', model((b, x) => quick(b, x, scalar(b, 1.702, [1])))],
  ])('%s: %s', async (op, _, before) => {
    const { model: result } = rewritten(rewritten(before, contributedGelu).model, contributedGelu);
    expect(ops(result)).toEqual([op]);
    expect(result.graph.nodes[0]!.domain).toBe('com.microsoft');
    await expectSameNumbers(before, result, NEAR, { dims: { batch: 4 } });
  });

  it('keeps alpha', () => {
    const { model: result } = rewritten(
      model((b, x) => quick(b, x, scalar(b, 1.702))),
      contributedGelu,
    );
    expect(attrFloat(result.graph.nodes[0]!, 'alpha')).toBeCloseTo(1.702, 6);
  });

  it.each<[string, Model]>([
    ['Gelu where the operator set has it', model(gelu, 20)],
    ['doubles', model((b, x) => b.node('Mul', [x, b.node('Sigmoid', [x])]), 17, 'float64')],
    ['the gate of another value', model((b, x) => b.node('Mul', [x, b.node('Sigmoid', [b.node('Neg', [x])])]))],
    ['alpha for each element', model((b, x) => quick(b, x, b.constant(randomTensor([5]))))],
    ['alpha with more axes than x', model((b, x) => quick(b, x, scalar(b, 2, [1, 1, 1])))],
    [
      'a gate that is read elsewhere',
      model((b, x) => {
        const gate = b.node('Sigmoid', [x]);
        return b.node('Add', [b.node('Mul', [x, gate]), gate]);
      }),
    ],
    [
      'a sum that is read elsewhere',
      model((b, x) => {
        const sum = row(b, x);
        return b.node('Add', [b.node('Gelu', [sum]), sum]);
      }, 20),
    ],
    [
      'the bias of a product',
      model((b, x) => b.node('Gelu', [row(b, b.node('MatMul', [x, b.constant(randomTensor([5, 5]))]))]), 20),
    ],
    ['a bias of one number', model((b, x) => b.node('Gelu', [b.node('Add', [x, scalar(b, 2, [1])])]), 20)],
    [
      'a bias for each row',
      model((b, x) => b.node('Gelu', [b.node('Add', [x, b.constant(randomTensor([4, 1]))])]), 20),
    ],
  ])('leaves %s', (_, before) => {
    expect(rewritten(before, contributedGelu).fired).toEqual([]);
  });
});
