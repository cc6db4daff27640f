/** What is rewritten before a step is written computes the same, and so do its gradients. */
import { elementCount, encodeModel, float32, GraphBuilder, int, int64, ints, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { prepareForward } from '../forward.js';
import { Random } from '../random.js';
import { oneStep } from '../transfer/one-step.js';
import { directWeights } from './linear.js';
import { joinParts } from './parts.js';
import { separatePools } from './separate-pools.js';
import { unbind } from './unbind.js';

const random = new Random(4, 'lowering');
const drawn = (dims: readonly number[], values: () => number): Float32Array =>
  Float32Array.from({ length: elementCount(dims) }, values);

describe('large windows of MaxPool', () => {
  const dims = [2, 3, 9, 8];
  function pooled(attributes: Parameters<GraphBuilder['node']>[2]): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', dims);
    b.output(b.node('MaxPool', [x], attributes), 'float32', null);
    return b.build();
  }

  it.each([
    { kernel_shape: ints([5, 5]), pads: ints([2, 2, 2, 2]) },
    { kernel_shape: ints([4, 5]), strides: ints([3, 2]), pads: ints([1, 2, 0, 1]) },
    { kernel_shape: ints([5, 4]), strides: ints([2, 3]), ceil_mode: int(1) },
    { kernel_shape: ints([4, 4]), dilations: ints([2, 1]) },
  ])('are the same along one axis after the other, ties too %#', async (attributes) => {
    const forward = prepareForward(pooled(attributes), 2);
    const apart = separatePools(forward);
    expect(apart.graph.nodes.map((n) => n.op)).toEqual(['MaxPool', 'MaxPool']);
    // Few values, so that many windows have several largest elements.
    const feeds = {
      x: float32(
        dims,
        drawn(dims, () => random.below(4)),
      ),
    };
    const run = async (graph: typeof forward.graph): Promise<unknown> => {
      const session = await createSession(encodeModel({ ...pooled(attributes), graph }), { optimization: 'disabled' });
      const result = Object.values(await session.run(feeds))[0];
      await session.release();
      return result;
    };
    expect(await run(apart.graph)).toEqual(await run(forward.graph));
    const [type] = [...apart.types].filter(([name]) => name.endsWith('.columns')).map(([, t]) => t);
    expect(type!.shape[2]).toBe(dims[2]);
  });

  it('stay where they are small, tile, or give indices', () => {
    const rest = [{ kernel_shape: ints([3, 3]) }, { kernel_shape: ints([4, 4]), strides: ints([4, 4]) }];
    for (const attributes of rest) {
      const forward = prepareForward(pooled(attributes), 2);
      expect(separatePools(forward)).toBe(forward);
    }
  });

  it('have the gradient of the whole window', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 4]);
    const w = b.initializer(
      'w',
      float32(
        [4, 64],
        drawn([4, 64], () => random.uniform(-1, 1)),
      ),
    );
    const z = b.node('Reshape', [b.node('MatMul', [x, w]), b.constant(int64([4], [0, 1, 8, 8]))]);
    const y = b.node('MaxPool', [z], { kernel_shape: ints([5, 5]), strides: ints([2, 2]), pads: ints([2, 2, 2, 2]) });
    b.output(b.node('ReduceMean', [y, b.constant(int64([2], [2, 3]))], { keepdims: int(0) }), 'float32', ['n', 1]);
    const { errors } = await oneStep(b.build(), createSession, [4]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
  });
});

describe('slices that are taken one by one', () => {
  function attention(indices: readonly number[]): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 4, 6]);
    const w = b.initializer(
      'w',
      float32(
        [6, 18],
        drawn([6, 18], () => random.uniform(-1, 1)),
      ),
    );
    const joined = b.node('Reshape', [b.node('MatMul', [x, w]), b.constant(int64([4], [0, 4, 3, 6]))]);
    const [q, k, v] = indices.map((i) => b.node('Gather', [joined, b.constant(int64([], [i]))], { axis: int(2) }));
    const scores = b.node('Softmax', [b.node('MatMul', [q!, b.node('Transpose', [k!], { perm: ints([0, 2, 1]) })])]);
    b.output(b.node('MatMul', [scores, v!]), 'float32', ['n', 4, 6]);
    return b.build();
  }

  it.each([[[0, 1, 2]], [[2, -3, 1]]])('are one Split: %j', async (indices) => {
    const { nodes } = unbind(prepareForward(attention(indices), 2)).graph;
    expect(nodes.filter((n) => n.op === 'Gather' || n.op === 'Split').map((n) => n.op)).toEqual(['Split']);
    const { errors } = await oneStep(attention(indices), createSession, [4, 6]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
  });

  it('stay where one is taken twice', () => {
    const forward = prepareForward(attention([0, 1, 1]), 2);
    expect(unbind(forward)).toBe(forward);
  });
});

describe('products with a transposed parameter', () => {
  function dense(shape: readonly (number | string)[], kept = false): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', shape);
    const w = b.initializer(
      'w',
      float32(
        [3, 4],
        drawn([3, 4], () => random.uniform(-1, 1)),
      ),
    );
    const turned = b.node('Transpose', [w], { perm: ints([1, 0]) });
    const y = b.node('Tanh', [b.node('MatMul', [x, turned])]);
    const z = kept ? b.node('Mul', [y, b.node('ReduceSum', [turned], { keepdims: int(0) })]) : y;
    b.output(z, 'float32', [...shape.slice(0, -1), 3]);
    return b.build();
  }

  it.each([[['n', 4]], [['n', 2, 5, 4]]])('are Gemm: %j', async (shape) => {
    const { nodes } = directWeights(prepareForward(dense(shape), 2)).graph;
    expect(nodes.filter((n) => n.op !== 'Reshape').map((n) => n.op)).toEqual(['Gemm', 'Tanh']);
    const { errors } = await oneStep(dense(shape), createSession, shape.slice(1).map(Number));
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
  });

  it('leave what else reads the transposed one', async () => {
    const { nodes } = directWeights(prepareForward(dense(['n', 4], true), 2)).graph;
    expect(nodes.map((n) => n.op)).toEqual(['Transpose', 'Gemm', 'Tanh', 'ReduceSum', 'Mul']);
    const { errors } = await oneStep(dense(['n', 4], true), createSession, [4]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
  });
});

describe('operators in parts', () => {
  /** Layer normalisation and Gelu as exporters of operator set 13 write them; `own` gives the scale its shape. */
  function parts(own: readonly number[], named?: string): Model {
    const b = new GraphBuilder();
    const weights = (...dims: number[]) =>
      float32(
        dims,
        drawn(dims, () => random.uniform(0.5, 1.5)),
      );
    const x = b.node('MatMul', [b.input('x', 'float32', ['n', 3, 4]), b.initializer('w', weights(4, 6))]);
    const last = { axes: ints([-1]) };
    const centred = b.node('Sub', [x, b.node('ReduceMean', [x], last)]);
    const number = (value: number): string => b.constant(float32([], [value]));
    const variance = b.node('ReduceMean', [b.node('Pow', [centred, number(2)])], last);
    const deviation = b.node('Sqrt', [b.node('Add', [variance, number(1e-5)])]);
    const scaled = b.node('Mul', [b.node('Div', [centred, deviation]), b.initializer('scale', weights(...own))]);
    const h = b.node('Add', [scaled, b.initializer('shift', weights(6))]);
    // The tanh form: ONNX Runtime has no Erf of doubles, in which the differences are taken.
    const cubic = b.node('Mul', [b.node('Pow', [h, number(3)]), number(0.044715)]);
    const inner = b.node('Mul', [b.node('Add', [h, cubic]), number(Math.sqrt(2 / Math.PI))]);
    const bent = b.node('Tanh', [inner], {}, 1, { outputNames: [named ?? 'bent'] });
    const y = b.node('Mul', [b.node('Mul', [h, b.node('Add', [bent, number(1)])]), number(0.5)]);
    b.output(b.node('ReduceMean', [y], { axes: ints([1]), keepdims: int(0) }), 'float32', ['n', 6]);
    return b.build({ opset: 13 });
  }
  const operators = (model: Model, kept: string[] = []): string[] =>
    joinParts(prepareForward(model, 2), new Set(kept)).graph.nodes.map((n) => n.op);

  it('are one each, and their parameters move as before', async () => {
    expect(operators(parts([6]))).toEqual(['MatMul', 'LayerNormalization', 'Gelu', 'ReduceMean']);
    const { result, errors } = await oneStep(parts([6]), createSession, [3, 4]);
    expect([...errors.keys()].sort()).toEqual(['scale', 'shift', 'w']);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
    expect(result.model.graph.nodes.map((n) => n.op)).toEqual(parts([6]).graph.nodes.map((n) => n.op));
  });

  it('stay where a parameter would become another constant, or something reads a part by name', async () => {
    expect(operators(parts([1, 1, 6]))).toEqual(expect.arrayContaining(['Sqrt', 'Gelu']) as unknown);
    const { errors } = await oneStep(parts([1, 1, 6]), createSession, [3, 4]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
    expect(operators(parts([6]), ['bent'])).toEqual(expect.arrayContaining(['LayerNormalization', 'Tanh']) as unknown);
  });
});
