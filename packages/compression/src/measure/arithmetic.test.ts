import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Model } from '@verge/onnx';
import { buildArchitecture } from '@verge/training';
import { arithmeticOf } from './arithmetic.js';

/** A graph of one input and one output, with what `body` puts between. */
function model(body: (g: GraphBuilder, x: string) => string): Model {
  const g = new GraphBuilder();
  g.output(body(g, g.input('x', 'float32', [1, 4])), 'float32', null);
  return g.build();
}
const int = (value: number) => ({ kind: 'int' as const, value: BigInt(value) });
const scalar = (value: number) => ({ dtype: 'float32' as const, dims: [], data: Float32Array.of(value) });

describe('arithmeticOf', () => {
  it('is float32 for a plain network', () => {
    expect(arithmeticOf(buildArchitecture('mlp', { input: [4], classes: 2 }))).toBe('float32');
  });

  it('is int8 where an activation is quantised, statically or by the operator itself', () => {
    const quantised = model((g, x) => {
      const scale = g.constant(scalar(0.1));
      return g.node('DequantizeLinear', [g.node('QuantizeLinear', [x, scale]), scale]);
    });
    expect(arithmeticOf(quantised)).toBe('int8');
    const dynamic = model((g, x) => g.node('DynamicQuantizeLSTM', [x], {}, 1, { domain: 'com.microsoft' }));
    expect(arithmeticOf(dynamic)).toBe('int8');
  });

  it('is float32 where only weights are stored as integers, but for products that round what they read', () => {
    const stored = model((g, x) => {
      const weight = g.constant({ dtype: 'int8', dims: [4], data: Int8Array.of(1, 2, 3, 4) });
      return g.node('Add', [x, g.node('DequantizeLinear', [weight, g.constant(scalar(0.1))])]);
    });
    expect(arithmeticOf(stored)).toBe('float32');
    const products = (level: number): Model =>
      model((g, x) => g.node('MatMulNBits', [x], { accuracy_level: int(level) }, 1, { domain: 'com.microsoft' }));
    expect(arithmeticOf(products(0))).toBe('float32');
    expect(arithmeticOf(products(4))).toBe('int8-blocks');
  });

  it('is float16 where something is a half', () => {
    const cast = (g: GraphBuilder, x: string, to: number): string => g.node('Cast', [x], { to: int(to) });
    expect(arithmeticOf(model((g, x) => cast(g, cast(g, x, 10), 1)))).toBe('float16');
  });
});
