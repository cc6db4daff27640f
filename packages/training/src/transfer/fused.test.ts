/** A step of training on a network as ONNX Runtime's optimiser wrote it, against the same step before it was fused. */
import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession, optimizedModel } from '@verge/runtime';
import { fit } from '../fit.js';
import { Random } from '../random.js';

const random = new Random(5, 'fused networks');
const draw = (...dims: number[]): Tensor & { dtype: 'float32' } =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(-0.4, 0.4)),
  ) as Tensor & { dtype: 'float32' };

/** Convolutions with activations, one with a sum before it. */
function convolutions(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 3, 8, 8]);
  let count = 0;
  const conv = (v: string, from: number, into: number): string => {
    const [w, bias] = [b.initializer(`w${count}`, draw(into, from, 3, 3)), b.initializer(`b${count++}`, draw(into))];
    return b.node('Conv', [v, w, bias], { pads: ints([1, 1, 1, 1]) });
  };
  const scalar = (value: number): string => b.constant(float32([], [value]));
  const first = b.node('Relu', [conv(x, 3, 6)]);
  const second = b.node('Relu', [b.node('Add', [conv(first, 6, 6), first])]);
  const third = b.node('LeakyRelu', [conv(second, 6, 4)], { alpha: float(0.2) });
  const fourth = b.node('Clip', [conv(third, 4, 4), scalar(-0.3), scalar(0.8)]);
  const fifth = b.node('HardSigmoid', [conv(fourth, 4, 4)], { alpha: float(0.3), beta: float(0.4) });
  const last = b.node('Tanh', [b.node('Sigmoid', [conv(fifth, 4, 4)])]);
  const flat = b.node('Flatten', [b.node('GlobalAveragePool', [last])]);
  const y = b.node('Gemm', [flat, b.initializer('head', draw(4, 3)), b.initializer('shift', draw(3))]);
  b.output(y, 'float32', ['n', 3]);
  return b.build({ opset: 17 });
}

/** A layer of an encoder: scaled scores, sums that are normalised, Gelu by the error function and by its tanh form. */
function encoder(): Model {
  const [heads, size] = [2, 4];
  const width = heads * size;
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 5, width]);
  let count = 0;
  const linear = (v: string, from: number, into: number): string => {
    const [w, bias] = [b.initializer(`w${count}`, draw(from, into)), b.initializer(`b${count++}`, draw(into))];
    return b.node('Add', [b.node('MatMul', [v, w]), bias]);
  };
  const scalar = (value: number): string => b.constant(float32([], [value]));
  const list = (...values: number[]): string => b.constant(int64([values.length], values));
  const apart = (v: string, perm: number[]): string =>
    b.node('Transpose', [b.node('Reshape', [linear(v, width, width), list(0, 0, heads, size)])], { perm: ints(perm) });
  const norm = (v: string): string =>
    b.node('LayerNormalization', [
      v,
      b.initializer(`g${count}`, draw(width)),
      b.initializer(`s${count++}`, draw(width)),
    ]);
  const scores = b.node('MatMul', [apart(x, [0, 2, 1, 3]), apart(x, [0, 2, 3, 1])]);
  const weights = b.node('Softmax', [b.node('Div', [scores, scalar(2)])], { axis: int(-1) });
  const seen = b.node('Transpose', [b.node('MatMul', [weights, apart(x, [0, 2, 1, 3])])], { perm: ints([0, 2, 1, 3]) });
  const joined = b.node('Reshape', [seen, list(0, 0, width)]);
  const first = norm(b.node('Add', [x, linear(joined, width, width)]));
  const wide = linear(first, width, 2 * width);
  const erf = b.node('Erf', [b.node('Div', [wide, scalar(Math.SQRT2)])]);
  const half = b.node('Mul', [wide, b.node('Add', [erf, scalar(1)])]);
  const second = norm(b.node('Add', [first, linear(b.node('Mul', [half, scalar(0.5)]), 2 * width, width)]));
  const last = linear(second, width, width);
  const cubed = b.node('Mul', [b.node('Pow', [last, scalar(3)]), scalar(0.044715)]);
  const bend = b.node('Mul', [b.node('Add', [last, cubed]), scalar(Math.sqrt(2 / Math.PI))]);
  const rise = b.node('Add', [b.node('Tanh', [bend]), scalar(1)]);
  b.output(b.node('Mul', [b.node('Mul', [last, scalar(0.5)]), rise]), 'float32', ['n', 5, width]);
  return b.build({ opset: 17 });
}

async function output(model: Model, x: Tensor): Promise<Float32Array> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    return Object.values(await session.run({ x }))[0]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe('a network that the optimiser fused', () => {
  const rows = 4;
  it.each([
    ['convolutions', convolutions, [3, 8, 8], 3, ['FusedConv']],
    ['an encoder', encoder, [5, 8], 40, ['BiasGelu', 'FusedMatMul', 'SkipLayerNormalization']],
  ] as const)('%s: takes the step that it took before', async (_, make, shape, size, kinds) => {
    const plain = make();
    const fused = decodeModel(await optimizedModel(encodeModel(plain), { optimization: 'extended' }));
    const operators = new Set(fused.graph.nodes.filter((n) => n.domain === 'com.microsoft').map((n) => n.op));
    expect([...operators]).toEqual(expect.arrayContaining([...kinds]));
    const x = draw(rows, ...shape);
    const samples = { x: x.data, shape, y: new Int32Array(rows), targets: draw(rows, size).data };
    const step = (model: Model) =>
      fit({
        ...{ model, createSession, train: samples, validation: samples, epochs: 1, batchSize: rows },
        ...{ loss: { kind: 'mse' }, optimizer: { name: 'sgd', learningRate: 0.2, weightDecay: 0.01 } },
      });
    const [before, after] = [await step(plain), await step(fused)];
    // The file keeps its own nodes and names.
    expect(after.model.graph.nodes).toEqual(fused.graph.nodes);
    expect([...after.model.graph.initializers.keys()]).toEqual([...fused.graph.initializers.keys()]);
    const moving = (lines: typeof before.parameters): number =>
      lines.reduce((n, line) => n + (line.fate === 'moves' ? line.elements : 0), 0);
    expect(moving(after.parameters)).toBe(moving(before.parameters));
    const [start, one, other] = [await output(plain, x), await output(before.model, x), await output(after.model, x)];
    const largest = (values: Float32Array, from: Float32Array): number =>
      values.reduce((m, v, i) => Math.max(m, Math.abs(v - from[i]!)), 0);
    expect(largest(one, start)).toBeGreaterThan(1e-4);
    expect(largest(other, one)).toBeLessThan(1e-4 * largest(one, start) + 1e-7);
  });
});
