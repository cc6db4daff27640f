/** Operators on quantised numbers, in floats: the numbers of ONNX Runtime's kernels, and the steps of the same network with DequantizeLinear. */
import { describe, expect, it } from 'vitest';
import {
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  ints,
  type Attribute,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import { Random } from '../random.js';
import { trainingForm } from './form.js';
import { expandQuantised } from './quantised-operators.js';

const random = new Random(13, 'quantised operators');
const draw = (...dims: number[]): Tensor & { dtype: 'float32' } =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(-1, 1)),
  ) as Tensor & { dtype: 'float32' };
const bytes = (...dims: number[]): Tensor => ({
  dtype: 'int8',
  dims,
  data: Int8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 61) % 200) - 100),
});
const words = (count: number): Tensor => ({
  dtype: 'int32',
  dims: [count],
  data: Int32Array.from({ length: count }, (_, i) => 900 * i - 1500),
});
const uint8 = (value: number): Tensor => ({ dtype: 'uint8', dims: [], data: Uint8Array.of(value) });
const int8s = (...values: number[]): Tensor => ({
  dtype: 'int8',
  dims: values.length === 1 ? [] : [values.length],
  data: Int8Array.from(values),
});

const OUT = 0.03;

interface Case {
  readonly op: string;
  readonly shape: readonly number[];
  /** Constants behind the first operand (x) and its scale and zero point; 'x' is x again, 'out' the scale and zero point of the result. */
  readonly rest: readonly (Tensor | 'x' | 'out' | null)[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
  /** The result's scale and zero point come first. */
  readonly outFirst?: boolean;
  /** The result is float32. */
  readonly floats?: boolean;
}

const several = float32([4], [0.01, 0.02, 0.015, 0.008]);
const zeros = int8s(0, 0, 0, 0);
const cases: readonly Case[] = [
  {
    ...{ op: 'QLinearConv', domain: '', shape: [2, 3, 5, 5] },
    rest: [bytes(4, 3, 3, 3), several, zeros, 'out', words(4)],
    attributes: { pads: ints([1, 1, 1, 1]), strides: ints([2, 2]) },
  },
  { op: 'QLinearMatMul', domain: '', shape: [2, 6], rest: [bytes(6, 4), float32([], [0.01]), int8s(3), 'out'] },
  {
    ...{ op: 'QGemm', shape: [2, 6], floats: true, attributes: { transB: int(1) } },
    rest: [bytes(4, 6), several, zeros, words(4)],
  },
  { op: 'QLinearAdd', shape: [2, 6], rest: ['x', 'out'] },
  { op: 'QLinearMul', shape: [2, 6], rest: ['x', 'out'] },
  { op: 'QLinearSigmoid', shape: [2, 6], rest: ['out'] },
  { op: 'QLinearLeakyRelu', shape: [2, 6], rest: ['out'], attributes: { alpha: float(0.2) } },
  {
    ...{ op: 'QLinearAveragePool', shape: [1, 2, 4, 4], rest: ['out'] },
    attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
  },
  { op: 'QLinearGlobalAveragePool', shape: [1, 2, 4, 4], rest: ['out'], attributes: { channels_last: int(0) } },
  { op: 'QLinearConcat', shape: [2, 6], rest: ['x'], outFirst: true, attributes: { axis: int(1) } },
];

function modelOf({ op, domain = 'com.microsoft', shape, rest, attributes, outFirst, floats }: Case): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [...shape]);
  const level = [b.constant(float32([], [0.01])), b.constant(uint8(120))];
  const out = [b.constant(float32([], [OUT])), b.constant(uint8(110))];
  const quantised = [b.node('QuantizeLinear', [x, ...level]), ...level];
  const behind = rest.flatMap((given) => {
    if (given === 'x') return quantised;
    if (given === 'out') return out;
    return given === null ? [''] : [b.constant(given)];
  });
  const inputs = [...(outFirst ? out : []), ...quantised, ...behind];
  const y = b.node(op, inputs, attributes ?? {}, 1, { domain });
  b.output(floats ? b.node('Identity', [y]) : b.node('DequantizeLinear', [y, ...out]), 'float32', null);
  return b.build({ opset: 17, opsets: { 'com.microsoft': 1 } });
}

async function output(model: Model, x: Tensor): Promise<Float32Array> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    return Object.values(await session.run({ x }))[0]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe('operators on quantised numbers', () => {
  it.each(cases.map((c): [string, Case] => [c.op, c]))('%s: at most a level from its kernel', async (_, c) => {
    const model = modelOf(c);
    const { model: expanded } = expandQuantised(model);
    expect(expanded.graph.nodes.map((n) => n.op)).not.toContain(c.op);
    const x = draw(...c.shape);
    const [kernel, floats] = [await output(model, x), await output(expanded, x)];
    const apart = kernel.reduce((m, v, i) => Math.max(m, Math.abs(v - floats[i]!)), 0);
    expect(apart).toBeLessThan(c.floats ? 1e-4 : 1.01 * OUT);
    expect(kernel.some((v) => v !== kernel[0])).toBe(true);
  });

  /** Two convolutions around a pool and a sum, as operators on quantised numbers or with DequantizeLinear. */
  function network(operators: boolean): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 2, 6, 6]);
    const scalar = (name: string, value: number): string => b.initializer(name, float32([], [value]));
    const [s, z] = [scalar('s', 0.02), b.initializer('z', uint8(120))];
    const [bs, bz] = [
      b.initializer(
        'bs',
        float32(
          [4],
          several.data.map((v) => v * Math.fround(0.02)),
        ),
      ),
      '',
    ];
    const [ws, wz] = [b.initializer('ws', several), b.initializer('wz', zeros)];
    const floats = (v: string): string => b.node('DequantizeLinear', [v, s, z]);
    const levels = (v: string): string => b.node('QuantizeLinear', [v, s, z]);
    const conv = (v: string, name: string, from: number): string => {
      const [w, bias] = [b.initializer(`w${name}`, bytes(4, from, 3, 3)), b.initializer(`b${name}`, words(4))];
      const attributes = { pads: ints([1, 1, 1, 1]) };
      if (operators) return b.node('QLinearConv', [v, s, z, w, ws, wz, s, z, bias], attributes);
      const axis = { axis: int(0) };
      const parts = [
        b.node('DequantizeLinear', [w, ws, wz], axis),
        b.node('DequantizeLinear', [bias, bs, bz].slice(0, 2), axis),
      ];
      return levels(b.node('Conv', [floats(v), ...parts], attributes));
    };
    const pool = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
    const first = conv(levels(x), '1', 2);
    const smaller = operators ? b.node('MaxPool', [first], pool) : levels(b.node('MaxPool', [floats(first)], pool));
    const second = conv(smaller, '2', 4);
    const sum = operators
      ? b.node('QLinearAdd', [second, s, z, smaller, s, z, s, z], {}, 1, { domain: 'com.microsoft' })
      : levels(b.node('Add', [floats(second), floats(smaller)]));
    const flat = b.node('Flatten', [floats(sum)]);
    b.output(b.node('MatMul', [flat, b.initializer('head', HEAD)]), 'float32', ['n', 3]);
    return b.build({ opset: 17, opsets: { 'com.microsoft': 1 } });
  }
  const HEAD = draw(36, 3);

  it('take the steps of DequantizeLinear around the operators, and the file keeps them', async () => {
    const samples = { x: draw(6, 72).data, shape: [2, 6, 6], y: new Int32Array(6), targets: draw(6, 3).data };
    const train = (model: Model) =>
      fit({
        ...{ model, createSession, train: samples, validation: samples, epochs: 4, batchSize: 6, block: 0 },
        ...{ loss: { kind: 'mse' }, optimizer: { name: 'sgd', learningRate: 0.02 } },
      });
    const file = network(true);
    const [result, byHand] = [await train(file), await train(network(false))];
    expect(result.model.graph.nodes).toEqual(file.graph.nodes);
    expect([...result.model.graph.initializers.keys()]).toEqual([...file.graph.initializers.keys()]);
    for (const name of ['w1', 'b1', 'w2', 'b2', 'head']) {
      const value = result.model.graph.initializers.get(name)!.value;
      expect(value, name).toEqual(byHand.model.graph.initializers.get(name)!.value);
      expect(value, name).not.toEqual(file.graph.initializers.get(name)!.value);
    }
    expect(result.history.map((h) => h.valLoss)).toEqual(byHand.history.map((h) => h.valLoss));
    expect(trainingForm(result.model).stored.get('b2')?.dtype).toBe('int32');
  });
});
