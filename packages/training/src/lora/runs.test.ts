/** Runs of adapters: resumed, in parts, by replicas, in shards, averaged, taught, with a new head. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples, type Samples } from '@verge/data';
import { createSession, openReplicas } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { distill } from '../distill.js';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';
import { floatsOf } from '../parameters.js';
import { predict, score } from '../predict.js';
import { fitLocal } from '../parallel/local-sgd/run.js';
import { replaceHead } from '../transfer/head.js';

let train: Samples;
let validation: Samples;

beforeAll(async () => {
  const folder = fileURLToPath(new URL('../../../../datasets/digits', import.meta.url));
  const parts = splitSamples(await loadDigits(folder), 'digits-v1');
  const first = (samples: Samples, count: number): Samples =>
    pick(
      samples,
      Array.from({ length: count }, (_, i) => i),
    );
  train = first(parts.train, 192);
  validation = first(parts.validation, 48);
});

const network = buildArchitecture(
  'dscnn',
  { input: [1, 8, 8], classes: 10, params: { stem: 4, channels: [8], strides: [2] } },
  7,
);
const lora = { match: ['*'], rank: 2, alpha: 4 };

const options = (more: Partial<FitOptions> = {}): FitOptions => ({
  ...{ model: network, createSession, train, validation, epochs: 3, batchSize: 48, seed: 5, lora },
  optimizer: { name: 'adamw', learningRate: 0.01, weightDecay: 0.01 },
  augmentation: { shift: 1, rotate: 5, scale: 0, flip: false },
  ...more,
});

const same = (a: FitResult, b: FitResult): boolean => Buffer.compare(a.bytes, b.bytes) === 0;

const cases: Readonly<Record<string, Partial<FitOptions>>> = {
  'a moving average, micro-batches, dropout and the best epoch': {
    lora: { ...lora, dropout: 0.2, seed: 3 },
    averaging: { kind: 'ema', decay: 0.9, everySteps: 2 },
    accumulate: 2,
    keep: 'best',
  },
  'a mean of epochs with statistics of its own, clipping, and biases that move too': {
    averaging: { kind: 'swa', startEpoch: 2, statisticsBatches: 2 },
    maxGradientNorm: 1,
    trainable: (name) => name.endsWith('bias'),
  },
  'several steps at a time': { together: 4 },
};

describe('a run of adapters', () => {
  it.each(Object.entries(cases))('resumes bit for bit with %s', async (_, more) => {
    const checkpoints: Uint8Array[] = [];
    const save = (bytes: Uint8Array): void => void checkpoints.push(Uint8Array.from(bytes));
    const whole = await fit(options({ ...more, checkpointEverySteps: 3, saveCheckpoint: save }));
    expect(checkpoints.length).toBeGreaterThan(3);
    for (const resumeFrom of checkpoints.slice(0, 3)) {
      const resumed = await fit(options({ ...more, checkpointEverySteps: 3, resumeFrom }));
      expect(same(resumed, whole)).toBe(true);
      expect(resumed.adapters).toEqual(whole.adapters);
    }
    const other = fit(options({ ...more, lora: { ...lora, alpha: 8 }, resumeFrom: checkpoints[0] }));
    await expect(other).rejects.toMatchObject({ code: 'bad-checkpoint' });
  });

  it('ends with the same bytes by replicas as in as many parts', async () => {
    const parallel = { replicas: 2, openReplicas };
    const plain = buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }, 7);
    const [one, two] = [
      await fit(options({ model: plain, accumulate: 2, epochs: 1 })),
      await fit(options({ model: plain, parallel, epochs: 1 })),
    ];
    expect(same(one, two)).toBe(true);
    expect(two.adapters).toEqual(one.adapters);
  });

  it('learns in shards, and goes on from a checkpoint bit for bit', async () => {
    const outer = { learningRate: 1, momentum: 0, nesterov: false };
    const local = { shards: 2, localSteps: 2, outer, innerState: 'keep' } as const;
    const checkpoints: Uint8Array[] = [];
    const save = (bytes: Uint8Array): void => void checkpoints.push(Uint8Array.from(bytes));
    const whole = await fitLocal({ ...options({ batchSize: 24 }), local, saveCheckpoint: save });
    expect(whole.history.at(-1)!.trainLoss).toBeLessThan(whole.history[0]!.trainLoss);
    expect(whole.adapters!.size).toBeGreaterThan(2);
    const resumed = await fitLocal({ ...options({ batchSize: 24 }), local, resumeFrom: checkpoints[1] });
    expect(same(resumed, whole)).toBe(true);
  });

  it('adds its adapters to the weights that were given, and is validated with the sums', async () => {
    const result = await fit(options({ epochs: 2 }));
    const { logits, width } = await predict(result.model, validation, createSession);
    const { loss, accuracy } = score({ logits, width }, validation.y);
    expect([result.validation.accuracy, result.validation.loss]).toEqual([accuracy, expect.closeTo(loss, 6)]);
    for (const [name, { a, b, rank, scale }] of result.adapters!) {
      const [before, after] = [network, result.model].map((m) => floatsOf(m.graph.initializers.get(name))!);
      const outside = b.shape[0]!;
      const inside = a.values.length / rank;
      const turned = network.graph.initializers.get(name)!.value.dims[0] !== outside;
      const at = (o: number, i: number): number => (turned ? i * outside + o : o * inside + i);
      let worst = 0;
      for (let o = 0; o < outside; o++)
        for (let i = 0; i < inside; i++) {
          let sum = before![at(o, i)]!;
          for (let k = 0; k < rank; k++) sum += scale * b.values[o * rank + k]! * a.values[k * inside + i]!;
          worst = Math.max(worst, Math.abs(sum - after![at(o, i)]!));
        }
      expect(worst, name).toBeLessThan(1e-6);
    }
  });

  it('learns from a teacher, through projections that move too', async () => {
    const teacher = buildArchitecture('cnn', { input: [1, 8, 8], classes: 10, params: { channels: [4, 8] } }, 3);
    const value = (name: string, model: typeof network): string =>
      model.graph.nodes.filter((n) => n.op === name).at(-1)!.outputs[0]!;
    const hints = [{ student: value('Gemm', network), teacher: value('Gemm', teacher), weight: 0.5 }];
    const { loss: _, train: __, ...rest } = options({ epochs: 2 });
    const result = await distill({ ...rest, train, teacher, hints });
    expect(result.history[1]!.trainLoss).toBeLessThan(result.history[0]!.trainLoss);
    expect(result.parameters.filter((p) => p.fate === 'moves')).toEqual([]);
  });

  it('learns a new head whole', async () => {
    const { model, parameters } = replaceHead(network, { classes: 10, seed: 2 });
    const result = await fit(options({ model, trainable: (name) => parameters.includes(name), epochs: 1 }));
    const moves = result.parameters.filter((p) => p.fate === 'moves').map((p) => p.name);
    expect(moves).toEqual([...parameters]);
    expect(parameters.some((name) => result.adapters!.has(name))).toBe(false);
  });
});
