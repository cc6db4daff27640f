/**
 * Quantisation-aware training with weights of 4 bits and activations of 8: what the test part loses against the float network, and what a step
 * costs against a step of the float network. The spoken digits are those of `accuracy`; of MNIST a ResNet-8 is trained for a few epochs.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { quantizeAware } from '@verge/compression';
import { openDataset, splitSamples, type Part, type Samples } from '@verge/data';
import type { Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score, type FitOptions } from '@verge/training';
import { spokenDigits } from './_accuracy-audio.js';
import { once, type Journal } from './_journal.js';
import type { Row } from './_row.js';

/** Points of accuracy that may be lost. */
const LOST = 0.5;
/** What an epoch may cost against the float network's. */
const COST = 1.3;

const adamw = { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const x64 = { arch: 'x64', int8Activation: 'uint8', vnni: true } as const;

interface Task {
  readonly name: string;
  load(folder: string): Promise<Record<Part, Samples>>;
  network(data: Record<Part, Samples>): Model;
  readonly float: Pick<FitOptions, 'epochs' | 'optimizer' | 'schedule' | 'labelSmoothing'>;
  readonly aware: { readonly epochs: number; readonly learningRate: number };
}

const tasks: readonly Task[] = [
  {
    name: 'DS-CNN on spoken digits',
    load: (folder) => spokenDigits(join(folder, 'fsdd', 'recordings.tar.gz')),
    network: ({ train }) =>
      buildArchitecture(
        'dscnn',
        {
          input: train.shape,
          classes: train.labels.length,
          params: { stem: 32, stemStride: 2, channels: [48, 64, 64, 96], strides: [1, 2, 1, 2] },
        },
        1,
      ),
    float: { epochs: 16, optimizer: { ...adamw, learningRate: 0.004, weightDecay: 0.02 } },
    aware: { epochs: 10, learningRate: 0.001 },
  },
  {
    name: 'ResNet-8 on MNIST',
    load: async (folder) => {
      const pixels = await openDataset(join(folder, 'mnist'));
      const all = { ...pixels, shape: [1, 28, 28], x: Float32Array.from(pixels.x, (v) => v / 255) };
      return splitSamples(all, 'own');
    },
    network: () => buildArchitecture('resnet', { input: [1, 28, 28], classes: 10 }, 1),
    float: { epochs: 3, optimizer: { ...adamw, learningRate: 0.004, weightDecay: 0.01 } },
    aware: { epochs: 1, learningRate: 0.0005 },
  },
];

async function accuracyOf(model: Model, { test }: Record<Part, Samples>): Promise<number> {
  return 100 * score(await predict(model, test, createSession), test.y).accuracy;
}

interface Outcome {
  /** Accuracy of the float network, of the quantised one without training, and after it, in per cent. */
  readonly float: number;
  readonly untrained: number;
  readonly trained: number;
  /** CPU of an epoch against that of the float network. */
  readonly cost: number;
}

const cpuSince = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
};

async function outcome(task: Task, folder: string): Promise<Outcome> {
  const data = await task.load(folder);
  const { train, validation } = data;
  const model = task.network(data);
  let from = process.cpuUsage();
  const float = await fit({ model, createSession, train, validation, batchSize: 64, ...task.float });
  const perFloat = cpuSince(from) / task.float.epochs;
  const { epochs, learningRate } = task.aware;
  const fineTune = { epochs, batchSize: 64, seed: 1, optimizer: { ...adamw, learningRate, weightDecay: 0 } };
  const options = { weightBits: 4, activationBits: 8, wideEdges: true, learnScales: true, samples: 256 } as const;
  const aware = (tuning: typeof fineTune) =>
    quantizeAware(float.model, { ...options, fineTune: tuning }, x64, { createSession, ...data });
  const before = await aware({ ...fineTune, epochs: 0 });
  from = process.cpuUsage();
  const after = await aware(fineTune);
  const perAware = cpuSince(from) / epochs;
  const found = {
    float: await accuracyOf(float.model, data),
    untrained: await accuracyOf(before.model, data),
    trained: await accuracyOf(after.model, data),
    cost: perAware / perFloat,
  };
  console.log(
    `  ${task.name}: float ${found.float.toFixed(2)} %, 4 bits without training ${found.untrained.toFixed(2)} %, ` +
      `trained ${found.trained.toFixed(2)} %; CPU seconds an epoch ${perFloat.toFixed(1)} and ${perAware.toFixed(1)}`,
  );
  return found;
}

export async function trainedRows(journal: Journal): Promise<Row[]> {
  const folder = process.env['VERGE_DATA'] ?? '';
  if (!existsSync(join(folder, 'fsdd')) || !existsSync(join(folder, 'mnist'))) {
    console.log('  skipped: VERGE_DATA names no folder with fsdd and mnist');
    return [];
  }
  const rows: Row[] = [];
  for (const task of tasks) {
    let measured: Promise<Outcome> | undefined;
    const result = () => (measured ??= outcome(task, folder));
    rows.push(
      ...(await once(journal, `${task.name}, accuracy with weights of 4 bits, trained`, async () => {
        const { float, trained } = await result();
        return { unit: '%', ours: trained, peer: float, peerName: 'float32', ratio: trained / (float - LOST), bar: 1 };
      })),
      ...(await once(journal, `${task.name}, CPU of an epoch in 4 bits`, async () => {
        const { cost } = await result();
        return { unit: 'times float32', ours: cost, peer: 1, peerName: 'float32', ratio: COST / cost, bar: 1 };
      })),
    );
  }
  return rows;
}
