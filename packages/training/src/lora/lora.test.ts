/** Adapters of every kind of reader, what they start as, and names that are refused. */
import { describe, expect, it } from 'vitest';
import {
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  ints,
  str,
  type Attribute,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';
import { floatsOf } from '../parameters.js';
import { Random } from '../random.js';
import { asEvaluated } from '../transfer/form.js';
import { inTrainingForm } from '../transfer/options.js';
import { describeParameters } from '../transfer/report.js';

const random = new Random(5, 'adapters');
const draw = (dims: readonly number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(-1, 1)),
  );

/** Products in every form that a weight is read in; each layer's weight is named for it. */
function everyReader(): Model {
  const b = new GraphBuilder();
  const w = (name: string, ...dims: number[]): string => b.initializer(name, draw(dims));
  let x = b.input('x', 'float32', ['n', 6]);
  x = b.node('MatMul', [x, w('right', 6, 5)]);
  x = b.node('MatMul', [x, b.node('Transpose', [w('right.turned', 4, 5)], { perm: ints([1, 0]) })]);
  x = b.node('Gemm', [x, w('gemm', 4, 5), w('gemm.bias', 5)], { alpha: float(0.5) });
  x = b.node('Gemm', [x, w('gemm.B', 3, 5)], { transB: int(1) });
  // From here on samples are columns.
  x = b.node('Transpose', [x], { perm: ints([1, 0]) });
  x = b.node('MatMul', [w('left', 4, 3), x]);
  x = b.node('MatMul', [b.node('Transpose', [w('left.turned', 4, 5)], { perm: ints([1, 0]) }), x]);
  x = b.node('Gemm', [w('left.gemm', 4, 5), x], { alpha: float(2) });
  x = b.node('Gemm', [w('left.gemm.A', 4, 3), x], { transA: int(1) });
  // And rows again, by what Gemm itself can turn.
  x = b.node('Gemm', [x, w('gemm.A', 3, 4)], { transA: int(1), alpha: float(0.7) });
  x = b.node('Gemm', [w('left.gemm.B', 3, 4), x], { transB: int(1) });
  x = b.node('Transpose', [x], { perm: ints([1, 0]) });
  // Twice the same weight: one adapter.
  const tied = w('tied', 3, 3);
  x = b.node('Add', [b.node('MatMul', [x, tied]), b.node('Gemm', [x, tied], { transB: int(1) })]);
  b.output(x, 'float32', ['n', 3]);
  return b.build();
}

/** Convolutions: dense with strides, in groups, depthwise, and along one axis. */
function convolutions(): Model {
  const b = new GraphBuilder();
  const w = (name: string, ...dims: number[]): string => b.initializer(name, draw(dims));
  let x = b.input('x', 'float32', ['n', 4, 9, 8]);
  x = b.node('Conv', [x, w('dense', 6, 4, 3, 3), w('dense.bias', 6)], {
    strides: ints([2, 1]),
    pads: ints([1, 0, 1, 2]),
  });
  x = b.node('Conv', [x, w('groups', 4, 3, 2, 3)], { group: int(2), dilations: ints([1, 2]) });
  x = b.node('Conv', [x, w('depth', 4, 1, 3, 1)], { group: int(4) });
  x = b.node('Reshape', [
    x,
    b.initializer('shape', { dtype: 'int64', dims: [3], data: BigInt64Array.of(0n, 4n, -1n) }),
  ]);
  x = b.node('Conv', [x, w('line', 3, 4, 2)]);
  x = b.node('ReduceMean', [x], { axes: ints([2]), keepdims: int(0) });
  b.output(x, 'float32', ['n', 3]);
  const model = b.build();
  return { ...model, opsets: new Map([['', 17]]) };
}

/** As ONNX Runtime's optimiser writes them. */
function fused(): Model {
  const b = new GraphBuilder();
  const w = (name: string, ...dims: number[]): string => b.initializer(name, draw(dims));
  const microsoft = (op: string, inputs: string[], attributes: Record<string, Attribute>): string =>
    b.node(op, inputs, attributes, 1, { domain: 'com.microsoft' });
  const activation = str('Relu');
  let x = b.input('x', 'float32', ['n', 2, 6, 5]);
  x = microsoft('FusedConv', [x, w('conv', 4, 2, 3, 3), w('conv.bias', 4)], { activation });
  x = b.node('ReduceMean', [x], { axes: ints([2, 3]), keepdims: int(0) });
  x = microsoft('FusedGemm', [x, w('gemm', 6, 4), w('gemm.bias', 6)], { activation, transB: int(1) });
  x = microsoft('FusedMatMul', [x, w('product', 3, 6)], { transB: int(1), alpha: float(0.5) });
  b.output(x, 'float32', ['n', 3]);
  const opsets = [['', 17] as const, ['com.microsoft', 1] as const];
  return { ...b.build(), opsets: new Map(opsets) };
}

const ROWS = 5;
const options = (model: Model, shape: readonly number[], more: Partial<FitOptions> = {}): FitOptions => {
  const x = draw([ROWS, ...shape]).data as Float32Array;
  const samples = { x, shape: [...shape], y: Int32Array.from({ length: ROWS }, (_, i) => i % 3) };
  return {
    ...{ model, createSession, train: samples, validation: samples, epochs: 2, batchSize: ROWS },
    ...{ optimizer: { name: 'sgd', learningRate: 0.05 }, schedule: { name: 'constant' } },
    lora: { match: ['*'], rank: 2, alpha: 3 },
    ...more,
  };
};

async function outputOf(model: Model, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    const result = await session.run({ x: float32([ROWS, ...shape], x) });
    return result[session.outputNames[0]!]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

const networks = {
  products: [everyReader, [6]],
  convolutions: [convolutions, [4, 9, 8]],
  'fused layers': [fused, [2, 6, 5]],
} as const;

describe.each(Object.entries(networks))('adapters of %s', (_, [network, shape]) => {
  // Dropout is computed beside the layer always, so both ways of writing an adapter are tried.
  it.each([0, 0.25])('compute what the merged weights do, dropout %d', async (dropout) => {
    // A fused layer leaves no place beside it.
    if (network === fused && dropout > 0) {
      const refused = fit(options(network(), shape, { lora: { match: ['*'], rank: 2, alpha: 3, dropout } }));
      return expect(refused).rejects.toThrow("lora.dropout: 'conv' is read by a fused node");
    }
    const given = options(network(), shape, { lora: { match: ['*'], rank: 2, alpha: 3, dropout } });
    const { options: inside, form } = inTrainingForm(given);
    const x = (given.train as { x: Float32Array }).x;
    const initial = new Map(form.lora!.adapters.flatMap(({ a, b }) => [a, b]).map((name) => [name, valuesOf(name)]));
    function valuesOf(name: string): Float32Array {
      return floatsOf(inside.model.graph.initializers.get(name))!;
    }
    // B is 0: the same function, bit for bit, and the same constants.
    const plain = await outputOf(given.model, x, shape);
    expect(await outputOf(inside.model, x, shape)).toEqual(plain);
    expect(asEvaluated(form, initial).graph.initializers).toEqual(form.lora!.plain.graph.initializers);

    const moved = new Map([...initial].map(([name, v]) => [name, v.map(() => random.uniform(-0.5, 0.5))]));
    const initializers = new Map(inside.model.graph.initializers);
    for (const [name, values] of moved)
      initializers.set(name, { name, value: float32(initializers.get(name)!.value.dims, values) });
    const adapted = { ...inside.model, graph: { ...inside.model.graph, initializers } };
    const [beside, merged] = [await outputOf(adapted, x, shape), await outputOf(asEvaluated(form, moved), x, shape)];
    const size = merged.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    merged.forEach((v, i) => expect(Math.abs(v - beside[i]!)).toBeLessThan(1e-5 * size));
    expect(merged.some((v, i) => Math.abs(v - plain[i]!) > 0.01 * size)).toBe(true);
  });

  it('are all that moves, and are added to their weights', async () => {
    const given = options(network(), shape);
    const result = await fit(given);
    expect(result.history[1]!.trainLoss).toBeLessThan(result.history[0]!.trainLoss);
    for (const [name, before] of given.model.graph.initializers) {
      const [from, to] = [floatsOf(before), floatsOf(result.model.graph.initializers.get(name))];
      if (!from || from.length < 2) continue;
      const adapter = result.adapters!.get(name);
      if (name.endsWith('bias')) expect([to, adapter]).toEqual([from, undefined]);
      else expect(to).not.toEqual(from);
    }
    const lines = result.parameters.filter((p) => p.adapter);
    for (const { name, adapter, fate, why } of lines) {
      const { a, b, rank } = result.adapters!.get(name)!;
      expect([fate, why]).toEqual(['frozen', 'its adapter moves']);
      expect(adapter).toEqual({ rank, elements: a.values.length + b.values.length });
    }
    const elements = lines.reduce((n, { adapter }) => n + adapter!.elements, 0);
    const [first, second] = describeParameters(result.parameters);
    expect(first).toContain('parameters: 0 (0 elements) move');
    expect(second).toBe(`adapters of rank 2: on ${lines.length} weights, ${elements} elements move`);
  });
});

describe('A', () => {
  it('is uniform within 1 / sqrt(inputs), from a stream of its own by seed and name; B is 0', () => {
    const start = (seed: number): Map<string, Float32Array> => {
      const lora = { match: ['right', 'gemm.B'], rank: 50, alpha: 1, seed };
      const { form } = inTrainingForm(options(everyReader(), [6], { lora }));
      const { adapters, model } = form.lora!;
      return new Map(
        adapters.flatMap(({ a, b }) => [a, b]).map((n) => [n, floatsOf(model.graph.initializers.get(n))!]),
      );
    };
    const [one, same, other] = [start(1), start(1), start(2)];
    expect(one).toEqual(same);
    expect([...one.keys()]).toEqual(['right.lora_A', 'right.lora_B', 'gemm.B.lora_A', 'gemm.B.lora_B']);
    expect(one.get('right.lora_A')).not.toEqual(other.get('right.lora_A'));
    const bound = 1 / Math.sqrt(6);
    const a = one.get('right.lora_A')!;
    expect([a.length, Math.max(...a.map(Math.abs)) <= bound]).toEqual([300, true]);
    expect(Math.max(...a) > 0.95 * bound && Math.min(...a) < -0.95 * bound).toBe(true);
    expect(one.get('right.lora_B')!.every((v) => v === 0)).toBe(true);
  });
});

describe('what moves besides', () => {
  it('is what trainable names, and it has no adapter', async () => {
    const own = (name: string): boolean => name === 'gemm.bias' || name === 'left';
    const result: FitResult = await fit(options(everyReader(), [6], { trainable: own }));
    const moves = result.parameters.filter((p) => p.fate === 'moves').map((p) => p.name);
    expect(moves.sort()).toEqual(['gemm.bias', 'left']);
    expect(result.adapters!.has('left')).toBe(false);
  });

  it('may go at rates of its own, also A and B', async () => {
    const groups = [{ match: ['*.lora_A'], frozen: true }];
    const optimizer = { name: 'sgd', learningRate: 0.05, momentum: 0, groups } as const;
    const given = options(everyReader(), [6], { optimizer });
    const { form } = inTrainingForm(given);
    const result = await fit(given);
    const before = floatsOf(form.model.graph.initializers.get('left.lora_A'))!;
    expect(result.adapters!.get('left')!.a.values).toEqual(before);
  });
});

describe('names', () => {
  function embedding(): Model {
    const b = new GraphBuilder();
    const ids = b.input('x', 'int64', ['n', 4]);
    const table = b.initializer('table', draw([7, 3]));
    let y = b.node('ReduceMean', [b.node('Gather', [table, ids])], { axes: ints([1]), keepdims: int(0) });
    y = b.node('Gemm', [y, b.initializer('head.weight', draw([3, 2])), b.initializer('head.bias', draw([2]))]);
    b.output(y, 'float32', ['n', 2]);
    return { ...b.build(), opsets: new Map([['', 17]]) };
  }
  const samples = { x: Int32Array.from({ length: 12 }, (_, i) => i % 7), shape: [4], y: Int32Array.of(0, 1, 0) };
  const run = (more: Partial<FitOptions>): Promise<FitResult> =>
    fit({ ...options(embedding(), [4]), train: samples, validation: samples, batchSize: 3, ...more });

  it('that fit nothing, or nothing that can have an adapter, are refused with those that can', async () => {
    const lora = { match: ['heads*', 'table', '*.bias', 'head*'], rank: 0, alpha: -1, dropout: 1 };
    const refused = run({ lora });
    await expect(refused).rejects.toMatchObject({ code: 'bad-options' });
    await expect(refused).rejects.toThrow(/lora\.rank.*lora\.alpha.*lora\.dropout/);
    await expect(refused).rejects.toThrow("lora.match: no constant is called 'heads*'");
    await expect(refused).rejects.toThrow(/'table' is no weight of a MatMul, Gemm or Conv: '\S+' \(Gather\) reads it/);
    await expect(refused).rejects.toThrow(/'head.bias' is no weight.*such weights are head\.weight$/);
  });

  it('may name biases beside weights, as a whole layer does', async () => {
    const result = await run({ lora: { match: ['head.*'], rank: 1, alpha: 1 } });
    expect([...result.adapters!.keys()]).toEqual(['head.weight']);
    expect(result.parameters.find((p) => p.name === 'head.bias')!.fate).toBe('frozen');
  });

  it('of what is trained itself are refused', async () => {
    const refused = run({ lora: { match: ['head.*'], rank: 1, alpha: 1 }, trainable: () => true });
    await expect(refused).rejects.toThrow("lora.match: 'head.weight' is trained itself; there are no such weights");
  });
});
