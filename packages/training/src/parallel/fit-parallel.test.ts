import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples, type Samples } from '@verge/data';
import { type Model } from '@verge/onnx';
import { createSession, openReplicas } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';
import { findParameters, floatsOf } from '../parameters.js';

let train: Samples;
let validation: Samples;

beforeAll(async () => {
  const folder = fileURLToPath(new URL('../../../../datasets/digits', import.meta.url));
  const parts = splitSamples(await loadDigits(folder), 'digits-v1');
  train = pick(
    parts.train,
    Array.from({ length: 200 }, (_, i) => i),
  );
  validation = pick(
    parts.validation,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

const network = (name: string, params = {}): Model =>
  buildArchitecture(name, { input: [1, 8, 8], classes: 10, params }, 7);

function options(more: Partial<FitOptions> = {}): FitOptions {
  return {
    model: network('lenet'),
    createSession,
    train,
    validation,
    epochs: 2,
    batchSize: 48,
    seed: 5,
    optimizer: { name: 'adamw', learningRate: 0.005, weightDecay: 0.01 },
    augmentation: { shift: 1, rotate: 5, scale: 0, flip: false },
    ...more,
  };
}

const replicas = (count: number): Partial<FitOptions> => ({ parallel: { replicas: count, openReplicas } });

/** Largest difference of any two parameters. */
function difference(a: FitResult, b: FitResult): number {
  let largest = 0;
  for (const name of findParameters(a.model.graph).keys()) {
    const [x, y] = [a.model.graph.initializers.get(name), b.model.graph.initializers.get(name)].map(floatsOf);
    x!.forEach((v, i) => (largest = Math.max(largest, Math.abs(v - y![i]!))));
  }
  return largest;
}

const same = (a: FitResult, b: FitResult): boolean => Buffer.compare(a.bytes, b.bytes) === 0;

describe('accumulated gradients', () => {
  it('train as the whole batch does, up to the order of sums', async () => {
    const sgd = { optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } } as const;
    const whole = await fit(options(sgd));
    const parts = await fit(options({ ...sgd, accumulate: 3 }));
    expect(parts.steps).toBe(whole.steps);
    // Eight steps of float32 on weights below 1.
    expect(difference(whole, parts)).toBeLessThan(2e-6);
    expect(parts.history[0]!.trainLoss).toBeCloseTo(whole.history[0]!.trainLoss, 5);
    expect(parts.history[0]!.trainAccuracy).toBe(whole.history[0]!.trainAccuracy);
  });

  it('keep what clipping, masks, dropout and running statistics are, and go on from a checkpoint bit for bit', async () => {
    const model = network('resnet', { channels: [4, 8], dropout: 0.2 });
    const [name] = findParameters(model.graph).keys();
    const size = floatsOf(model.graph.initializers.get(name!))!.length;
    const masks = new Map([[name!, Array.from({ length: size }, (_, i) => i % 2)]]);
    const checkpoints: Uint8Array[] = [];
    const plan = { model, masks, maxGradientNorm: 0.5, accumulate: 4 };
    const whole = await fit(
      options({ ...plan, checkpointEverySteps: 3, saveCheckpoint: (b) => void checkpoints.push(b) }),
    );
    expect(floatsOf(whole.model.graph.initializers.get(name!))!.some((v, i) => i % 2 === 0 && v !== 0)).toBe(false);
    const resumed = await fit(options({ ...plan, resumeFrom: checkpoints[0] }));
    expect(same(resumed, whole)).toBe(true);
    await expect(fit(options({ ...plan, accumulate: 2, resumeFrom: checkpoints[0] }))).rejects.toMatchObject({
      code: 'bad-checkpoint',
    });
  });

  it('are refused where the batch has no equal parts', async () => {
    await expect(fit(options({ accumulate: 5 }))).rejects.toMatchObject({ code: 'bad-options' });
    await expect(fit(options({ accumulate: 0.5 }))).rejects.toMatchObject({ code: 'bad-options' });
    await expect(fit(options({ accumulate: 8, ...replicas(4) }))).rejects.toMatchObject({ code: 'bad-options' });
  });
});

describe('replicas', () => {
  it('end with the bytes of one process that accumulates as many parts in the same order', async () => {
    const [one, two] = [await fit(options({ accumulate: 2 })), await fit(options(replicas(2)))];
    expect(same(one, two)).toBe(true);
    expect(two.history.map((p) => p.trainLoss)).toEqual(one.history.map((p) => p.trainLoss));
  });

  it('train as one process does with the same batch, up to the order of sums, clipped or not', async () => {
    for (const maxGradientNorm of [undefined, 0.3]) {
      const sgd = { optimizer: { name: 'sgd', learningRate: 0.05 }, maxGradientNorm } as const;
      const [one, three] = [await fit(options(sgd)), await fit(options({ ...sgd, ...replicas(3) }))];
      expect(difference(one, three)).toBeLessThan(2e-6);
    }
  });

  it('give the same bytes each time, also of running statistics, masks, micro-batches and whole-tensor optimisers', async () => {
    const model = network('resnet', { channels: [4, 8], dropout: 0.2 });
    const [name] = findParameters(model.graph).keys();
    const size = floatsOf(model.graph.initializers.get(name!))!.length;
    const plan = {
      model,
      masks: new Map([[name!, Array.from({ length: size }, (_, i) => i % 2)]]),
      optimizer: { name: 'lamb', learningRate: 0.01 },
      accumulate: 2,
      ...replicas(2),
    } as const;
    const checkpoints: Uint8Array[] = [];
    const a = await fit(options({ ...plan, saveCheckpoint: (b) => void checkpoints.push(b) }));
    const b = await fit(options({ ...plan, resumeFrom: checkpoints[0] }));
    expect(same(a, b)).toBe(true);
    expect(floatsOf(a.model.graph.initializers.get(name!))!.some((v, i) => i % 2 === 0 && v !== 0)).toBe(false);
  });

  it('normalise by their own rows; their running statistics are averaged', async () => {
    const model = network('resnet', { channels: [4, 8] });
    const [one, two] = [await fit(options({ model })), await fit(options({ model, ...replicas(2) }))];
    expect(same(one, two)).toBe(false);
    expect(two.validation.loss).toBeLessThan(one.validation.loss * 1.5);
  });

  it('say so when the loss is lost, and are gone afterwards', async () => {
    const optimizer = { name: 'sgd', learningRate: 1e30 } as const;
    await expect(fit(options({ optimizer, ...replicas(2) }))).rejects.toMatchObject({ code: 'diverged' });
  });
});
