import { describe, expect, it } from 'vitest';
import { attrString } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Model } from '../../ir.js';
import { float32, int64 } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { geluFromParts } from './gelu-from-parts.js';

const NEAR = { absolute: 1e-6, relative: 2e-6 };
const scalar = (b: GraphBuilder, v: number, dims: readonly number[] = []): string => b.constant(float32(dims, [v]));
const mul = (b: GraphBuilder, x: string, y: string): string => b.node('Mul', [x, y]);

type Part = (b: GraphBuilder, x: string) => string;

const ERF: Readonly<Record<string, Part>> = {
  'a division': (b, x) => b.node('Erf', [b.node('Div', [x, scalar(b, Math.SQRT2)])]),
  'a product': (b, x) => b.node('Erf', [mul(b, scalar(b, Math.SQRT1_2), x)]),
};

const STEEP = Math.sqrt(2 / Math.PI);
const TANH: Readonly<Record<string, Part>> = {
  'a power': (b, x) => {
    const cubic = mul(b, scalar(b, 0.044715), b.node('Pow', [x, b.constant(int64([], [3]))]));
    return b.node('Tanh', [mul(b, scalar(b, STEEP), b.node('Add', [x, cubic]))]);
  },
  'two products': (b, x) => {
    const cubic = mul(b, mul(b, mul(b, x, x), x), scalar(b, 0.044715));
    return b.node('Tanh', [mul(b, b.node('Add', [cubic, x]), scalar(b, STEEP))]);
  },
  'the factor beside x': (b, x) => {
    const cubic = mul(b, mul(b, x, x), mul(b, scalar(b, 0.044715), x));
    return b.node('Tanh', [mul(b, b.node('Add', [x, cubic]), scalar(b, STEEP))]);
  },
  'x taken out': (b, x) => {
    const one = b.node('Add', [scalar(b, 1), mul(b, mul(b, scalar(b, 0.044715), x), x)]);
    return b.node('Tanh', [mul(b, mul(b, x, scalar(b, STEEP)), one)]);
  },
  'x taken out, the factor last': (b, x) => {
    const one = b.node('Add', [mul(b, b.node('Pow', [x, scalar(b, 2)]), scalar(b, 0.044715)), scalar(b, 1)]);
    return b.node('Tanh', [mul(b, mul(b, x, one), scalar(b, 0.79788456))]);
  },
};

const AROUND: Readonly<Record<string, (b: GraphBuilder, x: string, bent: string) => string>> = {
  'x * (1 + e) * 0.5': (b, x, e) => mul(b, mul(b, x, b.node('Add', [e, scalar(b, 1)])), scalar(b, 0.5)),
  'x * (1 + e) / 2': (b, x, e) => b.node('Div', [mul(b, x, b.node('Add', [e, scalar(b, 1)])), scalar(b, 2)]),
  '0.5 * x * (1 + e)': (b, x, e) => mul(b, mul(b, scalar(b, 0.5), x), b.node('Add', [scalar(b, 1), e])),
  'x / 2 * (1 + e)': (b, x, e) => mul(b, b.node('Add', [scalar(b, 1), e]), b.node('Div', [x, scalar(b, 2)])),
  'x * (0.5 * (1 + e))': (b, x, e) => mul(b, x, mul(b, scalar(b, 0.5, [1]), b.node('Add', [e, scalar(b, 1)]))),
  'x * (0.5 + 0.5 * e)': (b, x, e) => mul(b, x, b.node('Add', [scalar(b, 0.5), mul(b, e, scalar(b, 0.5))])),
};

const gelu = (bent: Part, around: string, opset = 20, shape: readonly (string | number)[] = ['batch', 5]): Model =>
  network(shape, (b, x) => AROUND[around]!(b, x, bent(b, x)), { opset });

const bent = [
  ...Object.entries(ERF).map(([name, part]) => ['none', `erf of ${name}`, part] as const),
  ...Object.entries(TANH).map(([name, part]) => ['tanh', `tanh of ${name}`, part] as const),
];
const spellings = bent.flatMap(([form, name, part]) =>
  Object.keys(AROUND).map((around) => [form, name, around, part] as const),
);

describe('gelu-from-parts', () => {
  it.each(spellings)('%s: %s, %s', async (form, _, around, part) => {
    const model = gelu(part, around);
    const { model: result } = rewritten(model, geluFromParts);
    expect(ops(result)).toEqual(['Gelu']);
    expect(attrString(result.graph.nodes[0]!, 'approximate', 'none')).toBe(form);
    await expectSameNumbers(model, result, NEAR, { dims: { batch: 7 } });
  });

  const half = (b: GraphBuilder, x: string, plus: string): string => mul(b, mul(b, x, plus), scalar(b, 0.5));
  const plusOne = (b: GraphBuilder, e: string): string => b.node('Add', [e, scalar(b, 1)]);
  const erf = ERF['a division']!;

  it.each<[string, Model, RegExp | null]>([
    ['a lower operator set', gelu(erf, 'x * (1 + e) * 0.5', 19), /operator set 19/],
    [
      'another root',
      network([4], (b, x) => half(b, x, plusOne(b, b.node('Erf', [b.node('Div', [x, scalar(b, 1.5)])])))),
      /is not 1\.41/,
    ],
    ['another sum', network([4], (b, x) => half(b, x, b.node('Add', [erf(b, x), scalar(b, 2)]))), /is not 1/],
    ['another half', network([4], (b, x) => mul(b, mul(b, x, plusOne(b, erf(b, x))), scalar(b, 0.25))), /is not 0.5/],
    ['a sum that is no constant', network([4], (b, x) => half(b, x, b.node('Add', [erf(b, x), x]))), null],
    [
      'a constant with more axes than x',
      network([4], (b, x) => mul(b, mul(b, x, plusOne(b, erf(b, x))), scalar(b, 0.5, [1, 1]))),
      /is not 0.5/,
    ],
    [
      'constants by element',
      network([4], (b, x) => mul(b, mul(b, x, plusOne(b, erf(b, x))), b.constant(randomTensor([4])))),
      /is not 0.5/,
    ],
    ['two different values', network([4], (b, x) => half(b, b.node('Neg', [x]), plusOne(b, erf(b, x)))), null],
    [
      'a part that is read elsewhere',
      network([4], (b, x) => {
        const plus = plusOne(b, erf(b, x));
        return b.node('Add', [half(b, x, plus), plus]);
      }),
      /\(Add\) is read elsewhere/,
    ],
    [
      'a part that the graph gives',
      network([4], (b, x) => {
        const e = erf(b, x);
        b.output(e, null, null);
        return half(b, x, plusOne(b, e));
      }),
      /\(Erf\) is read elsewhere/,
    ],
    [
      'halves',
      network(
        [4],
        (b, x) => {
          const number = (bits: number): string =>
            b.constant({ dtype: 'float16', dims: [], data: Uint16Array.of(bits) });
          const e = b.node('Erf', [b.node('Div', [x, number(0x3da8)])]);
          return mul(b, mul(b, x, b.node('Add', [e, number(0x3c00)])), number(0x3800));
        },
        { dtype: 'float16' },
      ),
      /float32 or float64/,
    ],
  ])('leaves %s', (_, model, reason) => {
    const { fired, declined } = rewritten(model, geluFromParts);
    expect(fired).toEqual([]);
    if (reason) expect(declined.map((d) => d.reason).join()).toMatch(reason);
    else expect(declined).toEqual([]);
  });
});
