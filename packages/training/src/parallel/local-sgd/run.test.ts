import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples, type Samples } from '@verge/data';
import type { Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../../architectures/registry.js';
import { fit } from '../../fit.js';
import { encodeVectors } from './vectors.js';
import { fitLocal, LocalRun } from './run.js';
import { runRound, type RoundTask } from './round.js';
import type { LocalOptions, LocalSgdSpec } from './spec.js';

let all: { train: Samples; validation: Samples };
let train: Samples;
let validation: Samples;

beforeAll(async () => {
  const folder = fileURLToPath(new URL('../../../../../datasets/digits', import.meta.url));
  all = splitSamples(await loadDigits(folder), 'digits-v1');
  const first = (samples: Samples, count: number): Samples =>
    pick(
      samples,
      Array.from({ length: count }, (_, i) => i),
    );
  train = first(all.train, 210);
  validation = first(all.validation, 50);
});

const network = (name: string, params = {}): Model =>
  buildArchitecture(name, { input: [1, 8, 8], classes: 10, params }, 7);
const diloco = { learningRate: 0.7, momentum: 0.9, nesterov: true };
const plainMean = { learningRate: 1, momentum: 0, nesterov: false };

function options(local: Partial<LocalSgdSpec> = {}, more: Partial<LocalOptions> = {}): LocalOptions {
  return {
    model: network('resnet', { channels: [4, 8], dropout: 0.2 }),
    createSession,
    train,
    validation,
    epochs: 3,
    batchSize: 16,
    seed: 5,
    optimizer: { name: 'adamw', learningRate: 0.005 },
    augmentation: { shift: 1, rotate: 5, scale: 0, flip: false },
    local: { shards: 2, localSteps: 5, outer: diloco, innerState: 'keep', ...local },
    ...more,
  };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe('local SGD', () => {
  it('goes on over rounds as if there were none, for one shard and the plain mean', async () => {
    const one = { shards: 1, outer: plainMean };
    const [many, single] = [
      await fitLocal(options({ ...one, localSteps: 4 })),
      await fitLocal(options({ ...one, localSteps: 1000 })),
    ];
    expect([many.history.length, single.history.length]).toEqual([10, 1]);
    expect(many.steps).toBe(39);
    expect(same(many.bytes, single.bytes)).toBe(true);
  });

  it('gives the same bytes for the same seed, and for a task that is run again', async () => {
    const [a, b] = [await fitLocal(options()), await fitLocal(options())];
    expect(same(a.bytes, b.bytes)).toBe(true);
    const task: RoundTask = { round: 1, shard: 1, common: new LocalRun(options()).common };
    const [first, again] = [await runRound(options(), task), await runRound(options(), task)];
    expect(same(encodeVectors(first.common), encodeVectors(again.common))).toBe(true);
    expect(same(encodeVectors(first.inner), encodeVectors(again.inner))).toBe(true);
    expect(first.steps).toBe(5);
  });

  it('resumes after any round, and refuses the checkpoint of another run', async () => {
    const checkpoints: Uint8Array[] = [];
    for (const innerState of ['keep', 'reset'] as const) {
      checkpoints.length = 0;
      const whole = await fitLocal(options({ innerState }, { saveCheckpoint: (b) => void checkpoints.push(b) }));
      expect(checkpoints.length).toBe(whole.history.length);
      const resumed = await fitLocal(options({ innerState }, { resumeFrom: checkpoints[1] }));
      expect(same(resumed.bytes, whole.bytes)).toBe(true);
      expect(resumed.history.length).toBe(whole.history.length);
    }
    const other = options({ innerState: 'reset', localSteps: 6 }, { resumeFrom: checkpoints[1] });
    await expect(fitLocal(other)).rejects.toMatchObject({ code: 'bad-checkpoint' });
  });

  it('refuses what it cannot do, all at once, and vectors of another model', async () => {
    const bad = options({ shards: 0, localSteps: 1.5, outer: { ...diloco, momentum: 1 } });
    await expect(fitLocal(bad)).rejects.toMatchObject({ code: 'bad-options', problems: { length: 3 } });
    await expect(fitLocal(options({ shards: 500 }))).rejects.toMatchObject({ code: 'bad-samples' });
    const common = new Map([['step.parameters', new Float32Array(3)]]);
    await expect(runRound(options(), { round: 0, shard: 0, common })).rejects.toMatchObject({ code: 'bad-checkpoint' });
  });

  it('learns the digits like one process: 4 shards, 13 exchanges instead of 152', async () => {
    const plan = {
      model: network('lenet'),
      ...all,
      epochs: 8,
      batchSize: 16,
      optimizer: { name: 'adamw', learningRate: 0.004, weightDecay: 0.01 } as const,
      augmentation: undefined,
    };
    const local = await fitLocal(options({ shards: 4, localSteps: 12, outer: { ...diloco, momentum: 0.5 } }, plan));
    const alone = await fit({ ...options(), ...plan, batchSize: 64 });
    expect([local.steps, alone.steps, local.history.length]).toEqual([152, 152, 13]);
    // 2 of 100 validation samples.
    expect(local.validation.accuracy).toBeGreaterThan(alone.validation.accuracy - 0.02);
  });
});
