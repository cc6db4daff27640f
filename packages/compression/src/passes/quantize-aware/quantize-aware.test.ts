import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, splitSamples, type Part, type Samples } from '@verge/data';
import { encodeModel, float32, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { atLeastOpset } from '../opset.js';
import { fold } from '../fold/fold.js';
import { planQuantization, tieActivations } from '../quantize-static/plan.js';
import { affineParams } from '../quantize-static/scale.js';
import { firstScales } from './first-scales.js';
import { learningLayers } from './layers.js';
import { quantizeAware, type QuantizeAwareOptions } from './quantize-aware.js';
import { trainable, type Starting } from './trainable.js';
import { written } from './write.js';

const digits = fileURLToPath(new URL('../../../../../datasets/digits/', import.meta.url));
const optimizer = { name: 'adamw' as const, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
const x64 = { arch: 'x64', int8Activation: 'uint8', vnni: true } as const;

let data: Record<Part, Samples>;
let network: Model;

beforeAll(async () => {
  data = splitSamples(await loadDigits(digits));
  const model = buildArchitecture(
    'dscnn',
    {
      input: [1, 8, 8],
      classes: 10,
      params: { stem: 8, channels: [12, 16] },
    },
    2,
  );
  const { train, validation } = data;
  const how = { epochs: 30, batchSize: 64, optimizer: { ...optimizer, learningRate: 0.01 }, seed: 1 };
  network = (await fit({ model, createSession, train, validation, ...how })).model;
}, 120_000);

async function accuracy(model: Model): Promise<number> {
  return score(await predict(model, data.test, createSession), data.test.y).accuracy;
}

function options(own: Partial<QuantizeAwareOptions>, epochs: number): QuantizeAwareOptions {
  return {
    weightBits: 8,
    activationBits: 8,
    wideEdges: true,
    learnScales: true,
    samples: 256,
    fineTune: { epochs, batchSize: 64, optimizer: { ...optimizer, learningRate: 0.003 }, seed: 1 },
    ...own,
  };
}

const run = (own: Partial<QuantizeAwareOptions>, epochs: number, model = network) =>
  quantizeAware(model, options(own, epochs), x64, { createSession, ...data });

/**
 * The same function, folded, with every other channel that goes into a depthwise convolution made smaller by `times` and read as
 * much larger. One scale of 4 bits for all of them leaves the small ones a few levels: it loses much, whatever numbers a training
 * came to on some processor.
 */
async function unbalanced(model: Model, times: number): Promise<Model> {
  const { model: folded } = await fold(model, createSession);
  const { graph } = folded;
  const floats = (name: string) => graph.initializers.get(name)!.value as ReturnType<typeof float32>;
  /** Scales the weights of every other first index. */
  const scale = (name: string, by: number): void => {
    const { data: values, dims } = floats(name);
    const inner = values.length / (dims[0] as number);
    values.forEach((v, i) => {
      if (Math.floor(i / inner) % 2 === 1) values[i] = v * by;
    });
  };
  for (const relu of graph.nodes.filter((n) => n.op === 'Relu')) {
    const from = graph.nodes.find((n) => n.outputs.includes(relu.inputs[0]!));
    const [to, another] = graph.nodes.filter((n) => n.inputs.includes(relu.outputs[0]!));
    if (from?.op !== 'Conv' || to?.op !== 'Conv' || another || floats(to.inputs[1]!).dims[1] !== 1) continue;
    for (const name of from.inputs.slice(1)) scale(name!, 1 / times);
    scale(to.inputs[1]!, times);
  }
  return folded;
}

/** The outputs of a model whose quantised nodes are computed as they are written. */
async function asWritten(model: Model): Promise<Float32Array> {
  const session = await createSession(encodeModel(model), { quantizeAsWritten: true });
  try {
    const { x, shape } = data.test;
    const fed = float32([data.test.y.length, ...shape], Float32Array.from(x));
    const outputs = await session.run({ [session.inputNames[0]!]: fed });
    return outputs[session.outputNames[0]!]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe('the network that is trained', () => {
  it.each([8, 4] as const)('gives what its export gives, with weights of %i bits', async (bits) => {
    const folded = (await fold(network, createSession)).model;
    const { model } = atLeastOpset(folded, 21, 'the test');
    const plan = planQuantization(model);
    const { layers } = learningLayers(model, plan);
    const groups = tieActivations(plan);
    const starting: Starting = {
      activations: new Map(
        [...new Set(groups.values())].map((g, i) => [g, affineParams({ min: i === 0 ? -1 : 0, max: 3 + i }, 'uint8')]),
      ),
      weights: new Map(
        layers.flatMap(({ weights }) =>
          weights.map(({ key, weight, view }) => {
            const { data } = model.graph.initializers.get(weight)!.value as ReturnType<typeof float32>;
            return [key, { bits, scales: firstScales(data, view.dims, view.axis, bits, false) }];
          }),
        ),
      ),
    };
    const made = trainable(model, plan, layers, groups, starting);
    const held = made.model.graph.initializers.get(made.scales)!.value as ReturnType<typeof float32>;
    // Scales as a training could have left them.
    const moved = held.data.map((v, i) => v + 0.1 * Math.sin(i));
    made.model.graph.initializers.set(made.scales, { name: made.scales, value: float32(held.dims, moved) });
    const exported = written(model, layers, groups, made.read(moved), false);
    expect(exported.changes['clampedBiases']).toBe(0);
    const [trained, exportGives] = [await asWritten(made.model), await asWritten(exported.model)];
    // Biases of 32 bits move a value over the border of its level now and then: by a step of its layer.
    const largest = trained.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const off = trained.map((v, i) => Math.abs(v - exportGives[i]!) / largest);
    expect(Math.max(...off)).toBeLessThan(0.03);
    expect(off.reduce((a, b) => a + b, 0) / off.length).toBeLessThan(0.002);
  });
});

describe('quantisation-aware training', () => {
  it('brings back what 4 bits lose', async () => {
    const bits = { weightBits: 4, activationBits: 4, wideEdges: false } as const;
    const shape = { input: [1, 8, 8], classes: 10, params: { stem: 12, channels: [16, 24, 24] } };
    const { train, validation } = data;
    const how = { epochs: 12, batchSize: 64, optimizer: { ...optimizer, learningRate: 0.01 }, seed: 1 };
    const balanced = await fit({ model: buildArchitecture('dscnn', shape), createSession, train, validation, ...how });
    const source = await unbalanced(balanced.model, 5);
    const float = await accuracy(source);
    expect(float).toBeCloseTo(await accuracy(balanced.model), 6);
    const [before, after] = [await run(bits, 0, source), await run(bits, 30, source)];
    // What is learned from says it with less noise: the test part has 359 samples.
    const surprise = async (model: Model): Promise<number> =>
      score(await predict(model, data.train, createSession), data.train.y).loss;
    const [lost, learned] = [await accuracy(before.model), await accuracy(after.model)];
    expect(float).toBeGreaterThan(0.95);
    expect(lost).toBeLessThan(float - 0.03);
    expect(learned).toBeGreaterThan(lost + 0.015);
    expect(learned).toBeGreaterThan(float - 0.03);
    expect(await surprise(after.model)).toBeLessThan(0.5 * (await surprise(before.model)));
    expect(after.changes).toMatchObject({ weightsOf4Bits: 8, clampedBiases: 0 });
    // 4 bits represent most weights better when the largest are cut off.
    expect(after.changes['weightsCutOff']).toBeGreaterThan(0);
  }, 120_000);

  it('keeps the first and the last layer wide', async () => {
    const { changes } = await run({ weightBits: 4 }, 0);
    expect(changes).toMatchObject({ weights: 6, weightsOf4Bits: 4 });
  });

  it('leaves scales alone where it is told to', async () => {
    const still = await run({ learnScales: false }, 1);
    const moved = await run({ learnScales: true }, 1);
    const none = await run({ learnScales: true }, 0);
    const scales = ({ graph }: Model): string =>
      graph.nodes
        .filter((n) => n.op === 'QuantizeLinear')
        .map((n) => (graph.initializers.get(n.inputs[1]!)!.value as ReturnType<typeof float32>).data[0]!.toPrecision(4))
        .join();
    expect(scales(still.model)).toBe(scales(none.model));
    expect(scales(moved.model)).not.toBe(scales(none.model));
  });

  it.each([8, 4] as const)(
    'leaves pairs of products of %i bits within 16 where kernels add them there',
    async (bits) => {
      const narrow = { ...x64, vnni: false };
      const { model, changes } = await quantizeAware(network, options({ weightBits: bits }, 1), narrow, {
        createSession,
        ...data,
      });
      expect(changes['weights']).toBe(6);
      const weights = [...model.graph.initializers.values()].flatMap(({ value }) =>
        'data' in value && value.dtype === 'int8' && value.dims.length > 1 ? [value] : [],
      );
      expect(weights).toHaveLength(6);
      for (const { data: levels, dims } of weights) {
        const inner = levels.length / (dims[0] as number);
        for (let c = 0; c < (dims[0] as number); c++) {
          const channel = [...(levels as Int8Array).subarray(c * inner, (c + 1) * inner)].sort((a, b) => a - b);
          const [first = 0, second = 0] = channel;
          const [last = 0, before = 0] = channel.toReversed();
          // 255 * 128 is less than 2^15 (vpmaddubsw).
          expect(Math.max(last + Math.max(before, 0), -(first + Math.min(second, 0)))).toBeLessThanOrEqual(128);
        }
      }
    },
  );

  it('stops when asked', async () => {
    const signal = AbortSignal.abort();
    const given = { createSession, ...data, signal };
    await expect(quantizeAware(network, options({}, 1), x64, given)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
