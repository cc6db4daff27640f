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
import type { Row } from './_row.js';

/** Points of accuracy that may be lost. */
const BAR = 0.5;
/** The cost of a step against the float network's. */
const STEP = 1.3;

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

function row(work: string, unit: string, [ours, peer, peerName]: [number, number, string], most: number): Row {
  const ratio = most / ours;
  return { work, unit, ours, peer, peerName, ratio: Math.min(ratio, 100), bar: 1, ok: ours <= most };
}

async function measured(task: Task, folder: string): Promise<Row[]> {
  const data = await task.load(folder);
  const { train, validation } = data;
  const cpu = (from: NodeJS.CpuUsage): number => {
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1e6;
  };
  let from = process.cpuUsage();
  const float = await fit({
    model: task.network(data),
    createSession,
    train,
    validation,
    batchSize: 64,
    ...task.float,
  });
  const perFloat = cpu(from) / task.float.epochs;
  const { epochs, learningRate } = task.aware;
  const fineTune = { epochs, batchSize: 64, seed: 1, optimizer: { ...adamw, learningRate, weightDecay: 0 } };
  const options = { weightBits: 4, activationBits: 8, wideEdges: true, learnScales: true, samples: 256 } as const;
  const before = await quantizeAware(float.model, { ...options, fineTune: { ...fineTune, epochs: 0 } }, x64, {
    createSession,
    ...data,
  });
  from = process.cpuUsage();
  const after = await quantizeAware(float.model, { ...options, fineTune }, x64, { createSession, ...data });
  const perAware = cpu(from) / epochs;
  const [full, untrained, trained] = [
    await accuracyOf(float.model, data),
    await accuracyOf(before.model, data),
    await accuracyOf(after.model, data),
  ];
  console.log(
    `  ${task.name}: float ${full.toFixed(2)} %, 4 bits without training ${untrained.toFixed(2)} %, trained ` +
      `${trained.toFixed(2)} %; CPU seconds an epoch ${perFloat.toFixed(1)} and ${perAware.toFixed(1)}`,
  );
  const lost = Math.max(full - trained, 0.01);
  return [
    row(
      `${task.name}, points lost with weights of 4 bits`,
      'points',
      [lost, full - untrained, 'without training'],
      BAR,
    ),
    row(`${task.name}, CPU of an epoch`, 'times float', [perAware / perFloat, 1, 'float'], STEP),
  ];
}

export async function rows(): Promise<Row[]> {
  const folder = process.env['VERGE_DATA'] ?? '';
  const found: Row[] = [];
  for (const task of tasks) {
    const only = process.env['VERGE_BENCH_ONLY']?.split(',');
    if (only && !only.some((part) => task.name.includes(part))) continue;
    if (existsSync(join(folder, 'fsdd')) && existsSync(join(folder, 'mnist')))
      found.push(...(await measured(task, folder)));
    else console.log(`  ${task.name}: skipped, for VERGE_DATA names no folder that has its data`);
  }
  return found;
}
