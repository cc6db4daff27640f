import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadDigits, splitSamples } from '@verge/data';
import { assertLegal, encodeModel, float32, GraphBuilder, int, ints, str, tensorInfo, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { largestDifference, randomTensor } from '../../test-models.js';
import { planQuantization, tieActivations } from '../quantize-static/plan.js';
import { affineParams } from '../quantize-static/scale.js';
import { firstScales } from './first-scales.js';
import { learningLayers, seen } from './layers.js';
import { quantizeAware, type QuantizeAwareOptions } from './quantize-aware.js';
import { trainable } from './trainable.js';
import { written } from './write.js';

type Floats = ReturnType<typeof float32>;

/** Values of a model whose quantised nodes are computed as they are written. */
async function valuesOf(model: Model, names: readonly string[], x: Floats): Promise<Float32Array[]> {
  const outputs = names.map((name) => tensorInfo(name, 'float32', null));
  const asked = { ...model, graph: { ...model.graph, outputs } };
  const session = await createSession(encodeModel(asked), { quantizeAsWritten: true });
  try {
    const found = await session.run({ [session.inputNames[0]!]: x });
    return names.map((name) => found[name]!.data as Float32Array);
  } finally {
    await session.release();
  }
}

/** The network in training, with scales as a training could have left them, and what is written of it. */
function bothForms(model: Model, bits: 4 | 8) {
  const plan = planQuantization(model);
  const { layers, declined } = learningLayers(model, plan);
  const groups = tieActivations(plan);
  const floats = (name: string): Floats => model.graph.initializers.get(name)!.value as Floats;
  const starting = {
    activations: new Map([...new Set(groups.values())].map((g) => [g, affineParams({ min: -2, max: 2 }, 'uint8')])),
    weights: new Map(
      layers.flatMap(({ weights }) =>
        weights.map(({ key, weight, view }) => {
          const scales = firstScales(seen(floats(weight).data, view), view.dims, view.axis, bits, false);
          return [key, { bits, scales }] as const;
        }),
      ),
    ),
  };
  const training = trainable(model, plan, layers, groups, starting);
  const held = training.model.graph.initializers.get(training.scales)!.value as Floats;
  // Some channels lose their ends, others are coarser than they need be.
  const moved = held.data.map((v, i) => v + 0.3 * Math.sin(i));
  training.model.graph.initializers.set(training.scales, { name: training.scales, value: float32(held.dims, moved) });
  const read = training.read(moved);
  return { training: training.model, ...written(model, layers, groups, read, false), read, layers, declined };
}

/** A recurrent layer over [steps, batch, 12] and a dense layer over its last states. */
function recurrentNetwork(op: 'LSTM' | 'GRU' | 'RNN', directions: 1 | 2, hidden = 16): Model {
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op] * hidden;
  const g = new GraphBuilder();
  const scaled = (dims: number[], seed: number): Floats => {
    const { data } = randomTensor(dims, seed);
    return float32(dims, data.map((v) => 0.5 * v)); // prettier-ignore
  };
  const inputs = [
    g.input('x', 'float32', [5, 'n', 12]),
    g.initializer('W', scaled([directions, gates, 12], 1)),
    g.initializer('R', scaled([directions, gates, hidden], 2)),
    g.initializer('B', scaled([directions, 2 * gates], 3)),
  ];
  const direction = str(directions === 2 ? 'bidirectional' : 'forward');
  g.node(op, inputs, { hidden_size: int(hidden), direction }, 2, { name: 'layer', outputNames: ['', 'states'] });
  const rows = g.node('Transpose', ['states'], { perm: ints([1, 0, 2]) });
  const flat = g.node('Flatten', [rows], { axis: int(1) });
  const w = g.initializer('head', scaled([directions * hidden, 4], 4));
  g.node('Gemm', [flat, w], {}, 1, { name: 'head', outputNames: ['y'] });
  g.output('y', 'float32', ['n', 4]);
  return g.build({ opset: 21, irVersion: 10 });
}

/** Convolutions down, and a transposed one up: [n, 4, 6, 6] to [n, 2 * group, 12, 12]. */
function upscaling(group: number, attributes: Record<string, number[]> = {}): Model {
  const g = new GraphBuilder();
  const x = g.node(
    'Conv',
    [g.input('x', 'float32', ['n', 4, 6, 6]), g.initializer('k', randomTensor([8, 4, 3, 3], 1))],
    {
      pads: ints([1, 1, 1, 1]),
    },
  );
  const up = [g.initializer('up', randomTensor([8, 2, 4, 4], 2)), g.initializer('up.b', randomTensor([2 * group], 3))];
  const own = { strides: [2, 2], pads: [1, 1, 1, 1], ...attributes };
  const given = Object.fromEntries(Object.entries(own).map(([name, values]) => [name, ints(values)]));
  g.node('ConvTranspose', [g.node('Relu', [x]), ...up], { ...given, group: int(group) }, 1, {
    ...{ name: 'upscale', outputNames: ['y'] },
  });
  g.output('y', 'float32', null);
  return g.build({ opset: 21, irVersion: 10 });
}

const recurrentForms = (['LSTM', 'GRU', 'RNN'] as const).flatMap((op) =>
  ([1, 2] as const).flatMap((directions) => ([4, 8] as const).map((bits) => [op, directions, bits] as const)),
);

describe('a recurrent layer', () => {
  it.each(recurrentForms)(
    '%s in %i directions, %i bits: what is written is what was trained',
    async (op, ways, bits) => {
      const source = recurrentNetwork(op, ways);
      const { training, model, read, changes, declined } = bothForms(source, bits);
      assertLegal(model);
      expect(changes).toMatchObject({ weights: 3, weightsStored: 1, weightsOf4Bits: bits === 4 ? 3 : 0 });
      // Of the scales that were moved up and down some leave weights outside.
      expect(changes['weightsCutOff']).toBeGreaterThan(0);
      expect(declined).toEqual([
        { node: 'layer', reason: expect.stringContaining('it computes in float32') as string },
      ]);
      const x = randomTensor([5, 3, 12], 9);
      const [trainingNode, node] = [training, model].map((m) => m.graph.nodes.find((n) => n.op === op)!);
      for (const [place, name] of [
        [1, 'W'],
        [2, 'R'],
      ] as const) {
        const [learned] = await valuesOf(training, [trainingNode!.inputs[place]!], x);
        const [stored] = await valuesOf(model, [node!.inputs[place]!], x);
        const { scales } = read.weights.get(`${name}@0`)!;
        const { data } = source.graph.initializers.get(name)!.value as Floats;
        const width = data.length / scales.length;
        const high = 2 ** (bits - 1) - 1;
        // The levels as the formula of QuantizeLinear gives them, apart from both.
        const byHand = data.map((w, i) => {
          const s = scales[Math.floor(i / width)]!;
          const level = Math.round(w / s);
          return Math.max(-high - 1, Math.min(high, level)) * s;
        });
        // exp in single precision is off by a unit in the last place; a step would be more than 1e-3.
        expect(largestDifference(learned!, byHand)).toBeLessThan(1e-5);
        expect(largestDifference(stored!, byHand)).toBeLessThan(1e-5);
      }
      const [[given], [gives]] = [await valuesOf(training, ['y'], x), await valuesOf(model, ['y'], x)];
      expect(largestDifference(given!, gives!)).toBeLessThan(1e-4);
    },
  );

  it('stays in floats where its weights are none of the model, or take no less, which is said', async () => {
    const computed = recurrentNetwork('GRU', 1);
    const w = computed.graph.initializers.get('W')!;
    computed.graph.initializers.delete('W');
    computed.graph.inputs.push(tensorInfo('W', 'float32', w.value.dims));
    const { declined } = learningLayers(computed, planQuantization(computed));
    expect(declined).toEqual([{ node: 'layer', reason: 'its weights are no float32 constants of the model' }]);
    const small = recurrentNetwork('RNN', 1, 2);
    expect(learningLayers(small, planQuantization(small)).declined).toEqual([
      { node: 'layer', reason: 'its weights would take no less in int8' },
    ]);
  });
});

describe('a transposed convolution', () => {
  it.each([
    [1, 4],
    [1, 8],
    [4, 4],
    [4, 8],
    [8, 8],
  ] as const)('of %i groups, %i bits: what is written is what was trained', async (group, bits) => {
    const source = upscaling(group);
    const { training, model, read, changes } = bothForms(source, bits);
    assertLegal(model);
    expect(changes).toMatchObject({ weights: 2, clampedBiases: 0, weightsOf4Bits: bits === 4 ? 2 : 0 });
    expect(model.graph.nodes.some((n) => n.op === 'ConvTranspose')).toBe(false);
    expect(read.weights.get('up@1')!.scales).toHaveLength(2 * group);
    const x = randomTensor([3, 4, 6, 6], 9);
    const [[given], [gives]] = [await valuesOf(training, ['y'], x), await valuesOf(model, ['y'], x)];
    // The sums of products differ in the last place, which moves a value over the border of a level now and then: by one step of 4 / 255.
    const off = given!.map((v, i) => Math.abs(v - gives![i]!));
    expect(Math.max(...off)).toBeLessThan(1.01 * (4 / 255) * Math.exp(0.3));
    expect(off.filter((v) => v > 1e-4).length / off.length).toBeLessThan(0.02);
  });

  it('stays in floats where there is no such convolution, which is said', () => {
    const dilated = upscaling(1, { dilations: [2, 2] });
    expect(planQuantization(dilated).declined).toEqual([
      { node: 'upscale', reason: 'it is dilated, and there is no such ConvTranspose on integers' },
    ]);
  });
});

describe('training', () => {
  const adamw = { name: 'adamw' as const, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
  const x64 = { arch: 'x64', int8Activation: 'uint8', vnni: true } as const;
  const how = (epochs: number, learningRate: number) => ({
    ...{ epochs, batchSize: 64, optimizer: { ...adamw, learningRate }, seed: 1 },
  });
  const options = (epochs: number): QuantizeAwareOptions => ({
    ...{ weightBits: 4, activationBits: 8, wideEdges: false, learnScales: true, samples: 64 },
    fineTune: how(epochs, 0.002),
  });
  const digits = async (shape: number[]) =>
    splitSamples({
      ...(await loadDigits(fileURLToPath(new URL('../../../../../datasets/digits/', import.meta.url)))),
      shape,
    });
  const int8 = ({ graph }: Model): Int8Array[] =>
    [...graph.initializers.values()].flatMap(({ value }) =>
      'data' in value && value.dtype === 'int8' && value.dims.length > 1 ? [value.data as Int8Array] : [],
    );

  it('moves the weights of a recurrent layer to other levels, and keeps what it reads', async () => {
    const data = await digits([8, 8]);
    const params = { cell: 'gru', hidden: 24, bidirectional: true };
    const model = buildArchitecture('recurrent', { input: [8, 8], classes: 10, params });
    const { train, validation } = data;
    const float = (await fit({ model, createSession, train, validation, ...how(12, 0.01) })).model;
    const accuracy = async (m: Model): Promise<number> =>
      score(await predict(m, data.test, createSession), data.test.y).accuracy;
    const context = { createSession, ...data };
    const before = await quantizeAware(float, options(0), x64, context);
    const after = await quantizeAware(float, options(3), x64, context);
    expect(after.changes).toMatchObject({ weights: 3, weightsOf4Bits: 3, weightsStored: 1, activations: 1 });
    expect(await accuracy(float)).toBeGreaterThan(0.93);
    expect(await accuracy(after.model)).toBeGreaterThan((await accuracy(float)) - 0.02);
    expect(int8(after.model)).toHaveLength(3);
    int8(after.model).forEach((levels, i) => {
      expect(levels).not.toEqual(int8(before.model)[i]);
      // The dense layer, whose bias is rounded beside it, has its levels 16 times as large.
      expect(new Set(levels).size).toBeLessThanOrEqual(16);
    });
  });

  it('moves the weights of a transposed convolution', async () => {
    const data = await digits([1, 8, 8]);
    const network = (): Model => {
      const g = new GraphBuilder();
      const up = g.node(
        'ConvTranspose',
        [g.input('x', 'float32', ['n', 1, 8, 8]), g.initializer('up', randomTensor([1, 8, 2, 2]))],
        {
          strides: ints([2, 2]),
        },
      );
      const k = g.initializer('k', randomTensor([8, 8, 3, 3], 2));
      const mean = g.node('GlobalAveragePool', [g.node('Relu', [g.node('Conv', [g.node('Relu', [up]), k])])]);
      const flat = g.node('Flatten', [mean]);
      g.node('Gemm', [flat, g.initializer('head', randomTensor([8, 10], 3))], {}, 1, { outputNames: ['y'] });
      g.output('y', 'float32', ['n', 10]);
      return g.build({ opset: 21, irVersion: 10 });
    };
    const context = { createSession, ...data };
    const before = await quantizeAware(network(), options(0), x64, context);
    const after = await quantizeAware(network(), options(1), x64, context);
    expect(after.declined).toEqual([]);
    expect(after.changes).toMatchObject({ weights: 3, weightsOf4Bits: 3 });
    expect(int8(after.model)).toHaveLength(3);
    int8(after.model).forEach((levels, i) => expect(levels).not.toEqual(int8(before.model)[i]));
  });
});
