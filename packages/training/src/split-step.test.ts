import { describe, expect, it } from 'vitest';
import { encodeModel, float32, type Model, type Session, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from './architectures/registry.js';
import { LABELS } from './losses.js';
import { scalarFeeds, type OptimizerSpec } from './optimizers.js';
import { packFrom } from './parameters.js';
import { Random } from './random.js';
import {
  buildSplitStep,
  buildUpdateModel,
  GRADIENT,
  GRADIENT_SCALE,
  gradientScale,
  sliceLayout,
  sumOfSquares,
} from './split-step.js';
import { LOSS, nextOf, PARAMETERS, slotName, STATISTICS } from './step-parts.js';
import { buildTrainingModel } from './training-model.js';

type Feeds = Record<string, Tensor>;

const loss = { kind: 'cross-entropy' } as const;
const optimizers: readonly OptimizerSpec[] = [
  { name: 'sgd', learningRate: 0.1, nesterov: true, weightDecay: 0.01 },
  { name: 'adamw', learningRate: 0.01, weightDecay: 0.02 },
];
const network = (name = 'resnet'): Model => buildArchitecture(name, { input: [1, 8, 8], classes: 10 }, 3);

const vector = (data: Float32Array): Tensor => float32([data.length], data);
const floats = (results: Feeds, name: string): Float32Array => {
  const tensor = results[name];
  if (tensor?.dtype !== 'float32') throw new Error(`no output ${name}`);
  return tensor.data;
};

async function run(model: Model, feeds: Feeds): Promise<Feeds> {
  const session: Session = await createSession(encodeModel(model), { optimization: 'extended' });
  const wanted = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
  return session.run(Object.fromEntries(wanted)).finally(() => session.release());
}

/** A batch, and a state in the middle of a run. */
function feedsOf(model: Model, optimizer: OptimizerSpec, batch: number): Feeds {
  const random = new Random(9, 'split');
  const training = buildTrainingModel(model, { loss, optimizer, batch });
  const draw = (size: number, low: number, high: number): Float32Array =>
    Float32Array.from({ length: size }, () => random.uniform(low, high));
  const feeds: Feeds = {
    [training.input.name]: float32(training.input.shape, draw(batch * 64, 0, 1)),
    [LABELS]: { dtype: 'int32', dims: [batch], data: Int32Array.from({ length: batch }, () => random.below(10)) },
    [PARAMETERS]: vector(packFrom(model.graph, training.parameters)),
  };
  for (const slot of training.slots) feeds[slot] = vector(draw(training.parameters.size, 0, 0.01));
  if (training.statistics.size > 0) feeds[STATISTICS] = vector(packFrom(model.graph, training.statistics));
  for (const [name, value] of Object.entries(scalarFeeds(optimizer, optimizer.learningRate, 3)))
    feeds[name] = float32([], [value]);
  return feeds;
}

describe.each(optimizers)('a step in two halves, $name', (optimizer) => {
  it('has the loss, the statistics and, to the bit, the next state of the step in one piece', async () => {
    const feeds = feedsOf(network(), optimizer, 8);
    const whole = await run(buildTrainingModel(network(), { loss, optimizer, batch: 8 }).model, feeds);
    const split = buildSplitStep(network(), { loss, optimizer, batch: 8 });
    const first = await run(split.gradient, feeds);
    const second = await run(split.update, {
      ...feeds,
      [GRADIENT]: first[GRADIENT]!,
      [GRADIENT_SCALE]: float32([], [1]),
    });
    const both = { ...first, ...second };
    for (const name of [LOSS, nextOf(STATISTICS), nextOf(PARAMETERS), ...split.slots.map(nextOf)]) {
      expect(floats(both, name), name).toEqual(floats(whole, name));
    }
  });

  it('updates ranges of the parameters to the bits of the update of all', async () => {
    const feeds = feedsOf(network(), optimizer, 8);
    const split = buildSplitStep(network(), { loss, optimizer, batch: 8, masked: true });
    const { size } = split.parameters;
    const mask = Float32Array.from({ length: size }, (_, i) => (i % 3 === 0 ? 0 : 1));
    const gradient = floats(await run(split.gradient, feeds), GRADIENT);
    const state: Feeds = { ...feeds, [GRADIENT]: vector(gradient), [GRADIENT_SCALE]: float32([], [0.5]) };
    state['step.mask'] = vector(mask);
    const whole = await run(split.update, state);
    const cuts = [0, 100, Math.floor(size / 2), size];
    for (const [i, from] of cuts.slice(0, -1).entries()) {
      const to = cuts[i + 1]!;
      const part = Object.fromEntries(
        Object.entries(state).map(([name, tensor]) =>
          tensor.dtype === 'float32' && tensor.data.length === size
            ? [name, vector(tensor.data.slice(from, to))]
            : [name, tensor],
        ),
      );
      const updated = await run(buildUpdateModel(split.parameters, { optimizer, masked: true }, { from, to }), part);
      for (const name of [PARAMETERS, ...split.slots].map(nextOf))
        expect(floats(updated, name)).toEqual(floats(whole, name).subarray(from, to));
    }
  });

  it('clips by its scale as the whole step clips in its graph', async () => {
    const feeds = feedsOf(network(), optimizer, 8);
    const limit = 0.05;
    const whole = await run(
      buildTrainingModel(network(), { loss, optimizer, batch: 8, maxGradientNorm: limit }).model,
      feeds,
    );
    const split = buildSplitStep(network(), { loss, optimizer, batch: 8 });
    const gradient = floats(await run(split.gradient, feeds), GRADIENT);
    const scale = gradientScale(1, sumOfSquares(gradient), limit);
    expect(scale).toBeLessThan(1);
    const state = { ...feeds, [GRADIENT]: vector(gradient), [GRADIENT_SCALE]: float32([], [scale]) };
    const next = await run(split.update, state);
    // The norm is summed in double precision here, in float32 there.
    const [a, b] = [floats(next, nextOf(split.slots[0]!)), floats(whole, nextOf(split.slots[0]!))];
    expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))).toBeLessThan(1e-7);
  });
});

describe('sliceLayout', () => {
  it('covers a range with pieces of the entries, in order and without a gap', () => {
    const { parameters } = buildSplitStep(network('mlp'), { loss, optimizer: optimizers[0]!, batch: 2 });
    const range = { from: 10, to: parameters.size - 3 };
    const { entries, size } = sliceLayout(parameters, range);
    expect(size).toBe(range.to - range.from);
    expect(entries.map((e) => e.name)).toEqual(parameters.entries.map((e) => e.name));
    let at = 0;
    for (const e of entries) {
      expect(e.offset).toBe(at);
      at += e.size;
    }
    expect(at).toBe(size);
  });
});

describe('gradientScale', () => {
  it('is the mean, shortened to the limit', () => {
    expect(gradientScale(4, 100, undefined)).toBe(0.25);
    expect(gradientScale(4, 16, 1)).toBe(0.25);
    expect(gradientScale(4, 64, 1)).toBeCloseTo(1 / 8, 12);
  });
});

it('names slots as the state does', () => {
  expect(buildSplitStep(network('mlp'), { loss, optimizer: optimizers[1]!, batch: 2 }).slots).toEqual([
    slotName('moment1'),
    slotName('moment2'),
  ]);
});
