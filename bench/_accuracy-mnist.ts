/**
 * Handwritten digits of MNIST (LeCun, Cortes and Burges) with two built-in networks, trained on its training part and measured once on its
 * test part. Every tenth training sample is held out to choose options by; the last epoch is kept.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TrainingConfig } from '@verge/contracts';
import { openDataset, splitSamples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { predict, score, trainFromConfig } from '@verge/training';
import type { Row } from './_row.js';

interface Plan {
  readonly work: string;
  /** What was published for networks of its kind, in per cent; the bar. */
  readonly published: number;
  readonly peerName: string;
  readonly config: object;
}

const augmentation = { shift: 2, rotate: 10, scale: 0.1 };

const plans: readonly Plan[] = [
  {
    work: 'LeNet-5 on MNIST, test accuracy',
    published: 99.2,
    peerName: 'LeCun et al. 1998, with distortions',
    config: {
      model: { architecture: 'lenet5' },
      epochs: 20,
      batchSize: 64,
      optimizer: { name: 'adamw', learningRate: 0.002, weightDecay: 0.01 },
      schedule: { name: 'cosine', warmupEpochs: 1 },
      augmentation,
    },
  },
  {
    work: 'small CNN on MNIST, test accuracy',
    published: 99.5,
    peerName: 'two convolutions and a dense layer, with augmentation',
    config: {
      model: {
        architecture: 'cnn',
        params: { channels: [32, 64], kernel: 5, dense: [128], batchNorm: true, dropout: 0.4 },
      },
      epochs: 12,
      batchSize: 64,
      optimizer: { name: 'adamw', learningRate: 0.002, weightDecay: 0.02 },
      schedule: { name: 'cosine', warmupEpochs: 1 },
      labelSmoothing: 0.05,
      augmentation,
    },
  },
];

export async function rows(): Promise<Row[]> {
  const folder = join(process.env['VERGE_DATA'] ?? '', 'mnist');
  if (!existsSync(folder)) {
    console.log('  skipped: VERGE_DATA has no mnist');
    return [];
  }
  const pixels = await openDataset(folder);
  const all = { ...pixels, shape: [1, 28, 28], x: Float32Array.from(pixels.x, (v) => v / 255) };
  const { train, validation, test } = splitSamples(all, 'own');
  const measured: Row[] = [];
  for (const { work, published, peerName, config } of plans) {
    const result = await trainFromConfig({
      config: TrainingConfig.parse(config),
      createSession,
      train,
      validation,
      classes: 10,
      onProgress: ({ epoch, valAccuracy }) =>
        console.log(`    ${work}: epoch ${epoch}, held out ${(100 * valAccuracy).toFixed(2)} %`),
    });
    const { accuracy } = score(await predict(result.model, test, createSession), test.y);
    measured.push({
      work,
      unit: '%',
      ours: 100 * accuracy,
      peer: published,
      peerName,
      ratio: (100 * accuracy) / published,
      bar: 1,
      ok: 100 * accuracy >= published,
    });
  }
  return measured;
}
