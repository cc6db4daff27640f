/** A run that is resumed from any of its checkpoints ends as the one that was never stopped, whatever state it carries. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples, type Samples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { decodeCheckpoint } from '../checkpoint.js';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';

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
  train = first(parts.train, 200);
  validation = first(parts.validation, 60);
});

const run = (more: Partial<FitOptions>): Promise<FitResult> =>
  fit({
    model: buildArchitecture(
      'resnet',
      { input: [1, 8, 8], classes: 10, params: { channels: [4, 8], dropout: 0.2 } },
      7,
    ),
    createSession,
    train,
    validation,
    epochs: 5,
    batchSize: 32,
    seed: 9,
    optimizer: { name: 'adam', learningRate: 0.01 },
    augmentation: { shift: 1, rotate: 5, scale: 0, flip: false, noise: 0.02, mixup: 0.3 },
    checkpointEverySteps: 4,
    ...more,
  });

/** A plateau that is left at once, so that the state differs from epoch to epoch. */
const plateau = { name: 'plateau', patience: 0, cooldown: 1, factor: 0.5, minDelta: 10, warmupEpochs: 1 } as const;

const cases: Readonly<Record<string, Partial<FitOptions>>> = {
  'a plateau, a moving average, micro-batches, and the best epoch by a metric': {
    schedule: plateau,
    averaging: { kind: 'ema', decay: 0.9, everySteps: 3 },
    accumulate: 2,
    monitor: 'macroF1',
    keep: 'best',
    earlyStop: { patience: 4 },
  },
  'a mean of epochs with statistics of its own, clipping and a frozen layer': {
    averaging: { kind: 'swa', startEpoch: 2, statisticsBatches: 3 },
    maxGradientNorm: 1,
    maxGradientValue: 0.1,
    optimizer: {
      name: 'rmsprop',
      learningRate: 0.002,
      momentum: 0.5,
      centered: true,
      groups: [{ match: ['stem*'], frozen: true }],
    },
    schedule: { name: 'one-cycle' },
  },
};

describe('resumed', () => {
  it.each(Object.entries(cases))('with %s', async (_, options) => {
    const checkpoints: Uint8Array[] = [];
    const whole = await run({ ...options, saveCheckpoint: (bytes) => void checkpoints.push(Uint8Array.from(bytes)) });
    const timeless = (result: FitResult): unknown => result.history.map((p) => ({ ...p, seconds: 0 }));
    expect(checkpoints.length).toBeGreaterThan(6);
    if (options.schedule?.name === 'plateau') {
      const fractions = checkpoints.map((bytes) => decodeCheckpoint(bytes).plateau.fraction);
      expect(new Set(fractions).size).toBeGreaterThan(1);
    }
    // Every other one: within epochs and at their ends.
    for (const resumeFrom of checkpoints.filter((_, i) => i % 2 === 1)) {
      const resumed = await run({ ...options, resumeFrom });
      expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
      expect(timeless(resumed)).toEqual(timeless(whole));
      expect([resumed.epoch, resumed.metrics]).toEqual([whole.epoch, whole.metrics]);
    }
  });

  it('refuses the checkpoint of a run with another average, schedule or way of cutting batches', async () => {
    let last = new Uint8Array();
    await run({ ...options(), epochs: 1, saveCheckpoint: (bytes) => void (last = Uint8Array.from(bytes)) });
    const others: Partial<FitOptions>[] = [
      { averaging: { kind: 'ema', decay: 0.8 } },
      { schedule: { ...plateau, factor: 0.4 } },
      { accumulate: 4 },
      { monitor: 'accuracy' },
    ];
    for (const other of others) {
      const resumed = run({ ...options(), epochs: 1, ...other, resumeFrom: last });
      await expect(resumed, JSON.stringify(other)).rejects.toMatchObject({ code: 'bad-checkpoint' });
    }
  });
});

const options = (): Partial<FitOptions> => Object.values(cases)[0]!;
