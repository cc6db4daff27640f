import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TrainingConfig } from '@verge/contracts';
import { decodeModel, encodeModel, float32, GraphBuilder, int, int64, ints, type Model, str } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import { floatsOf } from '../parameters.js';
import { Random } from '../random.js';
import { likeness } from '../tables.js';
import { trainFromConfig } from '../train.js';
import { chooseParameters } from './choice.js';
import { oneStep } from './one-step.js';

const random = new Random(5, 'candidates');
const drawFrom = (source: Random, ...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, d) => a * d, 1) }, () => source.uniform(-1, 1)),
  );
const draw = (...dims: number[]) => drawFrom(random, ...dims);
const sines = (positions: number, width: number): Float32Array =>
  Float32Array.from({ length: positions * width }, (_, k) => {
    const [position, feature] = [Math.floor(k / width), k % width];
    const angle = position / 10000 ** ((feature - (feature % 2)) / width);
    return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });

/**
 * A vision transformer's parts: the pixels' mean and deviation, a projection, a class token that is expanded, learned
 * positions, a table of sines, a mask, a layer scale, and a bias behind a chain of constants.
 */
function vision(): Model {
  const b = new GraphBuilder();
  const weights = new Random(6, 'vision');
  const own = (name: string, ...dims: number[]): string => b.initializer(name, drawFrom(weights, ...dims));
  const x = b.input('x', 'float32', ['n', 6, 3]);
  const scaled = b.node('Div', [
    b.node('Sub', [x, own('mean', 3)]),
    b.initializer('std', float32([3], [0.5, 0.7, 0.9])),
  ]);
  const patches = b.node('MatMul', [scaled, own('project', 3, 4)]);
  const batch = b.node('Slice', [b.node('Shape', [x]), ...[[0], [1]].map((v) => b.constant(int64([1], v)))]);
  const size = b.node('Concat', [batch, b.constant(int64([2], [1, 4]))], { axis: int(0) });
  const token = b.node('Expand', [own('cls', 1, 1, 4), size]);
  const tokens = b.node('Concat', [token, patches], { axis: int(1) });
  const placed = b.node('Add', [tokens, own('positions', 1, 7, 4)]);
  const waved = b.node('Add', [placed, b.initializer('sines', float32([1, 7, 4], sines(7, 4)))]);
  const mask = Float32Array.from({ length: 49 }, (_, k) => (k % 7 > Math.floor(k / 7) ? -1e9 : 0));
  const scores = b.node('MatMul', [waved, b.node('Transpose', [waved], { perm: ints([0, 2, 1]) })]);
  const masked = b.node('Add', [scores, b.initializer('mask', float32([1, 7, 7], mask))]);
  const mixed = b.node('MatMul', [b.node('Softmax', [masked], { axis: int(-1) }), waved]);
  const scaledBranch = b.node('Mul', [mixed, b.initializer('layer.scale', float32([4], [0.1, 0.1, 0.1, 0.1]))]);
  const sum = b.node('Add', [waved, scaledBranch]);
  const half = b.node('Slice', [own('bias.all', 8), ...[[4], [8]].map((v) => b.constant(int64([1], v)))]);
  const biased = b.node('Add', [sum, b.node('Neg', [half])]);
  const first = b.node('Gather', [biased, b.initializer('first', int64([], [0]))], { axis: int(1) });
  const raised = b.node('Pow', [b.node('Abs', [first]), b.initializer('exponent', float32([4], [2, 2, 3, 2]))]);
  b.output(b.node('MatMul', [raised, own('head', 4, 2)]), 'float32', ['n', 2]);
  return b.build({ opset: 17 });
}

describe('constants that no layer names', () => {
  it('move where normalisation is in parts, each by its own gradient', async () => {
    const given = decodeModel(readFileSync(new URL('cases/train_layernorm_parts.onnx', import.meta.url)));
    const { result, errors } = await oneStep(given, createSession, [4]);
    expect(result.parameters.map((p) => [p.name, p.fate])).toEqual(
      ['w0', 'pos', 'gamma', 'beta', 'w1'].map((name) => [name, 'moves']),
    );
    for (const [name, error] of errors) expect(error, name).toBeLessThan(2e-5);
  });

  it('move in a vision transformer; tables, masks, exponents and what scales the pixels stay, with the reason', async () => {
    const { result, errors } = await oneStep(vision(), createSession, [6, 3]);
    const of = (fate: string): Record<string, string> =>
      Object.fromEntries(result.parameters.filter((p) => p.fate === fate).map((p) => [p.name, p.why]));
    expect(Object.keys(of('moves')).sort()).toEqual(
      ['bias.all', 'cls', 'head', 'layer.scale', 'positions', 'project'].sort(),
    );
    for (const [name, error] of errors) expect(error, name).toBeLessThan(2e-5);
    expect(of('left-out')).toEqual({
      mean: 'it shifts or scales the input before any layer',
      std: 'it shifts or scales the input before any layer',
      sines: 'a table of sines or a ramp',
      mask: 'a mask: it holds numbers that hide',
      exponent: 'an exponent',
    });
    // The half of the bias that nothing reads has no gradient.
    const bias = floatsOf(result.model.graph.initializers.get('bias.all'))!;
    const before = floatsOf(vision().graph.initializers.get('bias.all'))!;
    expect([...bias].map((v, i) => v === before[i])).toEqual([true, true, true, true, false, false, false, false]);
  });

  it('move when they are asked for', async () => {
    const wanted = ['mean', 'sines'];
    const { result, errors } = await oneStep(vision(), createSession, [6, 3], {
      trainable: (name) => wanted.includes(name),
      alsoTrained: (name) => wanted.includes(name),
    });
    expect([...errors.keys()].sort()).toEqual(wanted);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(2e-5);
    expect(result.parameters.find((p) => p.name === 'head')).toMatchObject({ fate: 'frozen' });
  });

  it('are the weights of a recurrent layer that the exporter put together in the graph', async () => {
    const [w, r] = [draw(1, 12, 2), draw(1, 12, 3)];
    const lstm = (parts: boolean): Model => {
      const b = new GraphBuilder();
      const x = b.input('x', 'float32', ['n', 5, 2]);
      const steps = b.node('Transpose', [x], { perm: ints([1, 0, 2]) });
      const weight = (name: string, tensor: typeof w): string => {
        if (!parts) return b.initializer(name, tensor);
        // Gates in another order, rows [i f c o] -> [i o f c], and an axis for the direction.
        const [rows, width] = [12, tensor.dims[2]!];
        const at = (gate: number): number[] => [...tensor.data.subarray(gate * 3 * width, (gate + 1) * 3 * width)];
        const stored = b.initializer(name, float32([rows, width], [0, 2, 3, 1].flatMap(at)));
        const cut = (from: number, to: number): string =>
          b.node('Slice', [stored, ...[[from], [to], [0]].map((v) => b.constant(int64([1], v)))]);
        const joined = b.node('Concat', [cut(0, 3), cut(9, 12), cut(3, 9)], { axis: int(0) });
        return b.node('Unsqueeze', [joined, b.constant(int64([1], [0]))]);
      };
      const outputs = b.node('LSTM', [steps, weight('w', w), weight('r', r)], { hidden_size: int(3) }, 3);
      const last = b.node('Squeeze', [outputs[1]!, b.constant(int64([1], [0]))]);
      b.output(
        b.node('MatMul', [last, b.initializer('head', float32([3, 2], [1, -1, 0.5, 0.25, -0.5, 1]))]),
        'float32',
        ['n', 2],
      );
      return b.build({ opset: 17 });
    };
    const samples = { x: draw(6, 5, 2).data, shape: [5, 2], y: Int32Array.from([0, 1, 0, 1, 1, 0]) };
    const step = (model: Model) =>
      fit({
        ...{ model, createSession, train: samples, validation: samples, epochs: 3, batchSize: 6 },
        optimizer: { name: 'sgd', learningRate: 0.5, weightDecay: 0.01 },
      });
    const [whole, parts] = [await step(lstm(false)), await step(lstm(true))];
    for (const [name, width] of [
      ['w', 2],
      ['r', 3],
    ] as const) {
      const [a, c] = [whole, parts].map((m) => floatsOf(m.model.graph.initializers.get(name))!) as [
        Float32Array,
        Float32Array,
      ];
      [0, 2, 3, 1].forEach((gate, place) => {
        for (let i = 0; i < 3 * width; i++) expect(c[place * 3 * width + i]).toBeCloseTo(a[gate * 3 * width + i]!, 6);
      });
      expect(a).not.toEqual((name === 'w' ? w : r).data);
    }
  });

  it('that only a blocked way reaches are left out and named, and do not stand in the way of the others', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 3]);
    const hashed = b.node('Round', [
      b.node('Mul', [b.node('MatMul', [x, b.initializer('w', draw(3, 3))]), b.initializer('flat', draw(3))]),
    ]);
    const det = b.node('Det', [
      b.node('Mul', [b.initializer('square', draw(2, 2)), b.initializer('one', float32([], [1]))]),
    ]);
    b.output(
      b.node('Mul', [b.node('Gemm', [b.node('Add', [x, hashed]), b.initializer('v', draw(3, 2))]), det]),
      'float32',
      ['n', 2],
    );
    const samples = { x: draw(4, 3).data, shape: [3], y: Int32Array.from([0, 1, 0, 1]) };
    const result = await fit({
      ...{ model: b.build({ opset: 17 }), createSession, train: samples, validation: samples, epochs: 1 },
      optimizer: { name: 'sgd', learningRate: 0.1 },
    });
    const fates = Object.fromEntries(result.parameters.map((p) => [p.name, p.why]));
    expect(fates).toMatchObject({ v: '', flat: expect.stringContaining('Mul') as unknown });
    expect(fates['square']).toMatch(/no gradient is known for node '.*' \(Det\)/);
  });
});

describe('what a constant looks like', () => {
  it('is a table or a ramp by its recurrence, not because it is nearly even', () => {
    expect(likeness([64, 8], sines(64, 8))).toMatch(/sines/);
    expect(
      likeness(
        [8, 4],
        Float32Array.from({ length: 32 }, (_, i) => Math.floor(i / 4) / 7),
      ),
    ).toMatch(/ramp/);
    const learned = Float32Array.from({ length: 64 }, () => 1 + random.uniform(-1e-4, 1e-4));
    expect(likeness([64], learned)).toBeUndefined();
    expect(likeness([16, 4], learned)).toBeUndefined();
    expect(likeness([2, 2], Float32Array.of(0, 1, 0.5, 3))).toMatch(/grid/);
    expect(likeness([4], new Float32Array(4))).toBeUndefined();
    expect(likeness([2], Float32Array.of(0, -Infinity))).toMatch(/mask/);
  });
});

/** What one sample of a model of one input is. */
function sampleOf({ graph }: Model): number[] {
  const { type } = graph.inputs[0]!;
  return (type?.kind === 'tensor' ? type.shape! : []).slice(1).map(Number);
}

describe('freeze and train of a configuration', () => {
  it('address all that can move, and say what cannot', () => {
    const model = vision();
    const sample = { shape: sampleOf(model) };
    const only = chooseParameters(model, { freeze: ['*'], train: ['cls', 'me*'] }, sample, {});
    expect(only.problems).toEqual([]);
    expect(['cls', 'mean', 'head'].map(only.trainable!)).toEqual([true, true, false]);
    expect(['mean', 'sines'].map(only.alsoTrained!)).toEqual([true, false]);
    expect(chooseParameters(model, { freeze: ['clas*'], train: ['tokn'] }, sample, {}).problems).toEqual([
      "freeze: no parameter is called 'clas*'",
      "train: no parameter is called 'tokn'",
    ]);
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 3]);
    const norm = b.node('BatchNormalization', [x, ...['s', 'b', 'm', 'v'].map((n) => b.initializer(n, draw(3)))]);
    const big = b.node('Resize', [norm, '', b.initializer('scales', float32([2], [1, 2]))], { mode: str('nearest') });
    b.output(big, 'float32', ['n', 6]);
    expect(chooseParameters(b.build(), { train: ['m', 'scales'] }, { shape: [3] }, {}).problems).toEqual([
      "train: 'm' cannot be trained: a running statistic, which follows the batches",
      "train: 'scales' cannot be trained: no gradient reaches it (Resize)",
    ]);
  });

  it('decide what a run moves', async () => {
    const samples = { x: draw(8, 6, 3).data, shape: [6, 3], y: Int32Array.from({ length: 8 }, (_, i) => i % 2) };
    const config = TrainingConfig.parse({
      model: { onnx: 'vision.onnx' },
      ...{
        epochs: 1,
        batchSize: 4,
        freeze: ['*'],
        train: ['cls', 'sines'],
        optimizer: { name: 'sgd', learningRate: 0.1 },
      },
    });
    const result = await trainFromConfig({
      ...{ config, createSession, train: samples, validation: samples, classes: 2 },
      readModel: () => Promise.resolve(encodeModel(vision())),
    });
    const moved = result.parameters.filter((p) => p.fate === 'moves').map((p) => p.name);
    expect(moved.sort()).toEqual(['cls', 'sines']);
    for (const { name, fate } of result.parameters) {
      const [after, before] = [result.model, vision()].map((m) => floatsOf(m.graph.initializers.get(name))!);
      const same = after!.every((v, i) => v === before![i]);
      expect(same, name).toBe(fate !== 'moves');
    }
  });
});
