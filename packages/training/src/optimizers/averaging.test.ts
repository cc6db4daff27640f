import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples } from '@verge/data';
import { encodeModel, float32 } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { fit } from '../fit.js';
import type { FitOptions } from '../fit-options.js';
import { findParameters, findStatistics, floatsOf } from '../parameters.js';
import { predict, score } from '../predict.js';
import { checkAveraging, emaWeight, moveTowards, swaWeight, type AveragingSpec } from './averaging.js';

const folder = fileURLToPath(new URL('../../../../datasets/digits', import.meta.url));
const parts = splitSamples(await loadDigits(folder), 'digits-v1');
const train = pick(
  parts.train,
  Array.from({ length: 160 }, (_, i) => i),
);
const model = buildArchitecture(
  'dscnn',
  { input: [1, 8, 8], classes: 10, params: { stem: 8, channels: [8], strides: [1] } },
  1,
);
const [parameters, statistics] = [[...findParameters(model.graph).keys()], findStatistics(model.graph)];

const options = (more: Partial<FitOptions>): FitOptions => ({
  model,
  createSession,
  train,
  validation: parts.validation,
  epochs: 4,
  batchSize: 32,
  optimizer: { name: 'sgd', learningRate: 0.1 },
  schedule: { name: 'constant' },
  ...more,
});

const values = (m: FitOptions['model'], names: readonly string[]): number[] =>
  names.flatMap((name) => [...floatsOf(m.graph.initializers.get(name))!]);

/** The parameters after each epoch of a run that averages nothing. */
async function path(epochs: number): Promise<number[][]> {
  const found: number[][] = [];
  for (let e = 1; e <= epochs; e++) found.push(values((await fit(options({ epochs: e }))).model, parameters));
  return found;
}

describe('weights of averages', () => {
  it('a moving average counts every step, or every few as so many, and begins quickly', () => {
    const spec = { kind: 'ema', decay: 0.9, warmUp: false } as const;
    expect([1, 2, 3].map((step) => emaWeight(spec, step))).toEqual([1 - 0.9, 1 - 0.9, 1 - 0.9]);
    expect([1, 2, 3, 4].map((s) => emaWeight({ ...spec, everySteps: 2 }, s))).toEqual([0, 1 - 0.81, 0, 1 - 0.81]);
    expect(emaWeight({ kind: 'ema' }, 1)).toBe(1 - 2 / 11);
    expect(emaWeight({ kind: 'ema' }, 1e6)).toBeCloseTo(0.001, 12);
  });

  it('a mean counts each of its epochs alike', () => {
    const average = new Float32Array(1);
    [2, 4, 9, 1, 6].forEach((value, i) => {
      moveTowards(average, Float32Array.of(value), swaWeight({ kind: 'swa', startEpoch: 2, everyEpochs: 2 }, i + 1));
    });
    expect(average[0]).toBeCloseTo((4 + 1) / 2, 6);
  });

  it('names every setting that is out of range', () => {
    expect(checkAveraging({ kind: 'ema', decay: 1, everySteps: 0 }, 5)).toHaveLength(2);
    expect(checkAveraging({ kind: 'swa', startEpoch: 6, everyEpochs: 0.5, statisticsBatches: 0 }, 5)).toHaveLength(3);
  });
});

describe('averaging in fit', () => {
  it('stochastic weight averaging returns the mean of the later epochs, with statistics of that mean', async () => {
    const averaged = await fit(options({ averaging: { kind: 'swa', startEpoch: 3 } }));
    const [, , third, fourth] = await path(4);
    values(averaged.model, parameters).forEach((v, i) => {
      expect(Math.abs(v - (third![i]! + fourth![i]!) / 2)).toBeLessThan(1e-6);
    });
    // An epoch has 5 batches of 32, so all 160 samples were in the estimate: in training form the network of the mean
    // must see means of 0 and variances of 1 behind each normalisation; here the first one is checked.
    const bn = averaged.model.graph.nodes.find((n) => n.op === 'BatchNormalization')!;
    const conv = averaged.model.graph.nodes.find((n) => n.outputs[0] === bn.inputs[0])!;
    const probe = { ...averaged.model.graph, outputs: [{ name: conv.outputs[0]!, type: null }] };
    const session = await createSession(encodeModel({ ...averaged.model, graph: probe }));
    const x = float32([160, ...train.shape], Float32Array.from(train.x));
    const y = (await session.run({ [session.inputNames[0]!]: x }))[conv.outputs[0]!]!;
    await session.release();
    const [n, channels, ...positions] = y.dims as [number, number, number, number];
    const area = positions[0]! * positions[1]!;
    const means = values(averaged.model, [bn.inputs[3]!]);
    means.forEach((mean, c) => {
      let sum = 0;
      for (let i = 0; i < n; i++)
        for (let p = 0; p < area; p++) sum += (y.data as Float32Array)[(i * channels + c) * area + p]!;
      // The mean of the batches' means is the mean of all.
      expect(Math.abs(mean - sum / (n * area))).toBeLessThan(1e-5);
    });
  });

  it('validates and returns the moving average', async () => {
    const averaging: AveragingSpec = { kind: 'ema', decay: 0.9 };
    const [plain, averaged] = [await fit(options({})), await fit(options({ averaging }))];
    const distance = values(plain.model, parameters).reduce(
      (m, v, i) => Math.max(m, Math.abs(v - values(averaged.model, parameters)[i]!)),
      0,
    );
    expect(distance).toBeGreaterThan(1e-3);
    expect(averaged.history.map((p) => p.trainLoss)).toEqual(plain.history.map((p) => p.trainLoss));
    const again = score(await predict(averaged.model, parts.validation, createSession), parts.validation.y);
    expect(averaged.history.at(-1)!.valLoss).toBeCloseTo(again.loss, 6);
    expect(statistics.length).toBeGreaterThan(0);
  });

  for (const averaging of [
    { kind: 'ema', decay: 0.95, everySteps: 2 },
    { kind: 'swa', startEpoch: 2 },
  ] as const) {
    it(`${averaging.kind}: a killed run resumes to the same bytes`, async () => {
      const checkpoints: Uint8Array[] = [];
      const saveCheckpoint = (bytes: Uint8Array): void => void checkpoints.push(bytes);
      const whole = await fit(options({ averaging, saveCheckpoint, checkpointEverySteps: 3 }));
      for (const at of [2, 4, 5]) {
        const resumed = await fit(options({ averaging, resumeFrom: checkpoints[at] }));
        expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
      }
    });
  }
});
