import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RecipePass } from '@verge/contracts';
import { loadDigits, splitSamples } from '@verge/data';
import { assertLegal, decodeModel, encodeModel, float32, GraphBuilder, type Model, normalise } from '@verge/onnx';
import { createSession, optimizedModel } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../../test-models.js';
import { nodeName } from '../../graph/index-of-values.js';
import type { PassContext } from '../pass.js';
import { pruneWeights, type PruneWeightsOptions } from '../prune-weights/prune-weights.js';
import { codebook, type CodebookOptions } from './codebook.js';

const digits = fileURLToPath(new URL('../../../../../datasets/digits/', import.meta.url));
const options = RecipePass.parse({ pass: 'codebook' }) as CodebookOptions;
const data = splitSamples(await loadDigits(digits));
const context: PassContext = { createSession, ...data };

/** A dense layer whose two output columns are of very unlike size. */
function layer(dims: [number, number] = [64, 40]): Model {
  const g = new GraphBuilder();
  g.input('x', 'float32', [2, dims[0]]);
  const { data: random } = randomTensor(dims, 2);
  const w = g.initializer(
    'w',
    float32(
      dims,
      random.map((v, i) => (i % dims[1] === 0 ? 100 * v : v)),
    ),
  );
  g.node('MatMul', ['x', w], {}, 1, { name: 'product', outputNames: ['y'] });
  g.output('y', 'float32', null);
  return g.build();
}

async function run(
  model: Model,
  feeds: Parameters<Awaited<ReturnType<typeof createSession>>['run']>[0],
): Promise<Float32Array> {
  const session = await createSession(encodeModel(model));
  try {
    return Object.values(await session.run(feeds))[0]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

const sqnr = (exact: Float32Array, got: Float32Array): number => {
  const square = (list: Float32Array): number => list.reduce((sum, v) => sum + v * v, 0);
  return 10 * Math.log10(square(exact) / square(exact.map((v, i) => v - got[i]!)));
};

describe('codebook', () => {
  it.each([2, 3, 4, 5, 8])('stores each weight in %i bits, as near as the report says', async (bits) => {
    const model = layer();
    const made = await codebook(model, { ...options, bits }, context);
    assertLegal(made.model);
    expect(made.changes).toEqual({ weights: 1 });
    const identity = float32(
      [64, 64],
      Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0)),
    );
    // With the identity in, the weight comes out.
    const open = (m: Model): Model => {
      for (const port of [...m.graph.inputs, ...m.graph.outputs])
        port.type = { kind: 'tensor', dtype: 'float32', shape: null };
      return m;
    };
    const [exact, got] = [await run(open(model), { x: identity }), await run(open(made.model), { x: identity })];
    const told = Number(/ ([\d.]+) dB$/.exec(made.notes![0]!)![1]);
    expect(sqnr(exact, got)).toBeCloseTo(told, 0);
    // A bit more is worth about 6 dB.
    expect(told).toBeGreaterThan(5.5 * bits - 3);
    expect(new Set(Array.from({ length: 64 }, (_, r) => got[r * 40 + 1])).size).toBeLessThanOrEqual(2 ** bits);
  });

  it('with one scale for the layer loses what is small beside the rest', async () => {
    const [channel, whole] = [
      await codebook(layer(), options, context),
      await codebook(layer(), { ...options, scale: 'layer' }, context),
    ];
    const x = randomTensor([2, 64], 3);
    const exact = await run(layer(), { x });
    const small = (list: Float32Array): Float32Array => list.filter((_, i) => i % 40 !== 0);
    const of = async (m: Model): Promise<number> => sqnr(small(exact), small(await run(m, { x })));
    expect(await of(channel.model)).toBeGreaterThan((await of(whole.model)) + 3);
  });

  it('makes weights once, when the model is loaded: nothing of it is left in what ONNX Runtime runs', async () => {
    for (const bits of [4, 6]) {
      const made = await codebook(layer(), { ...options, bits }, context);
      const run_ = decodeModel(await optimizedModel(encodeModel(made.model)));
      expect(run_.graph.nodes.map((n) => n.op)).toEqual(['MatMul']);
    }
  });

  it('takes a trained network to a quarter of its bytes with hardly a change', async () => {
    const trained = await fit({
      ...{ model: buildArchitecture('cnn', { input: [1, 8, 8], classes: 10 }), createSession },
      ...{ train: data.train, validation: data.validation, epochs: 6 },
      optimizer: { name: 'adamw', learningRate: 0.005 },
    });
    const made = await codebook(trained.model, options, context);
    const accuracy = async (m: Model): Promise<number> =>
      score(await predict(m, data.test, createSession), data.test.y).accuracy;
    expect(encodeModel(made.model).byteLength).toBeLessThan(trained.bytes.byteLength / 4);
    // One point of 359 samples.
    expect(await accuracy(made.model)).toBeGreaterThan((await accuracy(trained.model)) - 0.012);
  });

  it('gives groups of channels lists of their own, from which ONNX Runtime makes the weight that the report tells of', async () => {
    // Columns of two kinds, side by side: the second half is much smaller.
    const model = layer();
    const weight = model.graph.initializers.get('w')!.value as Weights;
    weight.data.set(randomTensor([64, 40], 2).data.map((v, i) => (i % 40 < 20 ? v : v / 20)));
    const made = await codebook(model, { ...options, bits: 3, scale: 'layer', groups: 2 }, context);
    assertLegal(made.model);
    expect(made.notes![0]).toMatch(/^product: 16 values in 2 lists, [\d.]+ dB$/);
    const one = await codebook(model, { ...options, bits: 3, scale: 'layer' }, context);
    const x = randomTensor([2, 64], 3);
    const small = async (m: Model): Promise<Float32Array> => (await run(m, { x })).filter((_, i) => i % 40 >= 20);
    const exact = await small(model);
    expect(sqnr(exact, await small(made.model))).toBeGreaterThan(14);
    expect(sqnr(exact, await small(one.model))).toBeLessThan(8);
    const optimized = decodeModel(await optimizedModel(encodeModel(made.model)));
    expect(optimized.graph.nodes.map((n) => n.op)).toEqual(['MatMul']);
  });

  it('gives layers that are named their own bits', async () => {
    const made = await codebook(layer(), { ...options, bits: 6, layers: [{ node: 'product', bits: 2 }] }, context);
    expect(made.notes![0]).toMatch(/^product: 4 values/);
    const wrong = { ...options, layers: [{ node: 'prodict', bits: 2 }] };
    await expect(codebook(layer(), wrong, context)).rejects.toThrow("layers: there is no node 'prodict'");
  });

  it('tunes values, biases among them; zeros stay zeros', async () => {
    const trained = await fit({
      ...{
        model: buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [256] } }),
        createSession,
      },
      ...{ train: data.train, validation: data.validation, epochs: 6 },
      optimizer: { name: 'adamw', learningRate: 0.005 },
    });
    const pruning = RecipePass.parse({ pass: 'prune-weights', ratio: 0.85, fineTune: { epochs: 2 } });
    const { model: pruned } = await pruneWeights(trained.model, pruning as PruneWeightsOptions, context);
    const how = { ...options, bits: 2, scale: 'layer' as const, biases: true };
    const untuned = await codebook(pruned, how, context);
    const optimizer = { ...options.fineTune.optimizer, learningRate: 0.01 };
    const fineTune = { ...options.fineTune, epochs: 8, optimizer };
    const tuned = await codebook(pruned, { ...how, fineTune }, context);
    assertLegal(tuned.model);
    expect(tuned.changes['weights']).toBe(3);
    expect(encodeModel(tuned.model).byteLength).toBe(encodeModel(untuned.model).byteLength);
    const lists = [...tuned.model.graph.initializers].filter(([name]) => name.endsWith('/values'));
    expect(lists).toHaveLength(3);
    const zeros = lists.filter(([, { value }]) => [...(value as Weights).data].some((v) => Object.is(v, 0)));
    expect(zeros).toHaveLength(2);
    const accuracy = async (m: Model): Promise<number> =>
      score(await predict(m, data.test, createSession), data.test.y).accuracy;
    expect(await accuracy(tuned.model)).toBeGreaterThan((await accuracy(untuned.model)) + 0.02);
  });

  it('names what stays as it is, and refuses what is not there', async () => {
    const model = layer();
    await expect(codebook(model, { ...options, keep: ['prodict'] }, context)).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: ["keep: there is no node 'prodict'"],
    });
    await expect(codebook(model, { ...options, keep: ['product'] }, context)).rejects.toMatchObject({
      code: 'unsuitable-model',
      problems: ['product: the recipe keeps it'],
    });
    await expect(codebook(layer([8, 8]), options, context)).rejects.toThrow(/64 weights would take no less/);
    const broken = layer();
    (broken.graph.initializers.get('w')!.value as { data: Float32Array }).data[3] = NaN;
    await expect(codebook(broken, options, context)).rejects.toThrow(/'w' holds numbers that are not finite/);
  });
});

/** Signal to noise of a node's weight in so many bits at even distances, with a scale of each output channel, dB. */
function uniform(model: Model, name: string, bits: number): number {
  const node = model.graph.nodes.find((n) => nodeName(n) === name)!;
  const { dims, data: weights } = model.graph.initializers.get(node.inputs[1]!)!.value as Weights;
  const inner = weights.length / dims[0]!;
  const top = 2 ** (bits - 1) - 1;
  const rounded = weights.map((v, i) => {
    const from = Math.floor(i / inner) * inner;
    const scale = weights.slice(from, from + inner).reduce((m, w) => Math.max(m, Math.abs(w)), 0) / top;
    return Math.round(v / scale) * scale;
  });
  return sqnr(weights, rounded);
}
interface Weights {
  dims: readonly number[];
  data: Float32Array;
}

const folder = process.env['VERGE_DATA'];
const published = folder ? `${folder}/mlperf-tiny/ic/resnet8_cifar10_fp32.onnx` : '';
describe.skipIf(!existsSync(published))('on the ResNet-8 of MLPerf Tiny (VERGE_DATA)', () => {
  it('loses less of each weight than even distances of as many bits and scales do', async () => {
    const bytes = new Uint8Array(readFileSync(published));
    const { model } = normalise(decodeModel(bytes));
    const input = model.graph.inputs[0]!.name;
    const x = randomTensor([4, 3, 32, 32], 5);
    const scaled = { ...x, data: x.data.map((v) => 128 + 100 * v) };
    const exact = await run(model, { [input]: scaled });
    const told: number[] = [];
    for (const bits of [8, 6, 4]) {
      const made = await codebook(model, { ...options, bits }, context);
      expect(encodeModel(made.model).byteLength).toBeLessThan((bytes.byteLength * (bits <= 4 ? 0.5 : 1)) / 4 + 24_000);
      const gains = made.notes!.map((note) => {
        const [, name, dB] = /^(.*): \d+ values, ([\d.]+) dB$/.exec(note)!;
        return Number(dB) - uniform(model, name!, bits);
      });
      // Of a first layer with 27 weights a channel there is little to learn; of the others it is at least a decibel on average.
      if (bits === 4) expect(gains.slice(1).reduce((x_, y) => x_ + y) / (gains.length - 1)).toBeGreaterThan(1);
      told.push(sqnr(exact, await run(made.model, { [input]: scaled })));
    }
    expect(told).toEqual([...told].sort((a, b) => b - a));
  });
});
