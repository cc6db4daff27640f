/**
 * Spoken digits (Free Spoken Digit Dataset, 8 kHz): recordings through declared preprocessing into a DS-CNN. The test part
 * is the data set's own, recordings 0 to 4 of each digit and speaker; its six speakers are in both parts by that
 * definition, so this says nothing of speakers who were not heard. Nothing is chosen by the test part: the weights are
 * those of the last epoch, and the plan is one for all seeds.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AugmentationConfig } from '@verge/contracts';
import { openDataset, splitSamples, type Part, type Samples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import type { Row } from './_row.js';

/** Share of the test part that must be recognised, in per cent. */
const BAR = 97;
const SEEDS = [1, 2, 3];
const EPOCHS = 24;

/** What the recordings' names say, and how they become the network's input: 51 frames of 40 mel bands. */
const described = {
  schema: 'verge.dataset/1',
  name: 'fsdd',
  file: 'recordings',
  format: 'wav-folder',
  names: { pattern: '{digit}_{speaker}_{n}.wav', label: 'digit', test: { field: 'n', below: 5 } },
  preprocess: {
    input: { kind: 'audio' },
    steps: [
      { op: 'fit-length', steps: 8000, keep: 'center' },
      { op: 'log-mel', rate: 8000, fft: 256, hop: 160, mels: 40, fmin: 20, topDb: 80 },
      { op: 'standardize', over: 'all' },
      { op: 'to-image' },
    ],
    output: { layout: 'CHW', shape: [1, 51, 40] },
  },
};

const augmentation = AugmentationConfig.parse({
  timeAxis: 'second-to-last',
  timeShift: 6,
  timeMasks: { width: 6 },
  frequencyMasks: { width: 6 },
});

export async function spokenDigits(archive: string): Promise<Record<Part, Samples>> {
  const folder = await mkdtemp(join(tmpdir(), 'verge-fsdd-'));
  try {
    execFileSync('tar', ['-xzf', archive, '-C', folder]);
    await writeFile(join(folder, 'dataset.json'), JSON.stringify(described));
    return splitSamples(await openDataset(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Test accuracy of one training, in per cent. */
async function accuracy({ train, validation, test }: Record<Part, Samples>, seed: number): Promise<number> {
  const params = { stem: 32, stemStride: 2, channels: [48, 64, 64, 96], strides: [1, 2, 1, 2], dropout: 0.2 };
  const model = buildArchitecture('dscnn', { input: train.shape, classes: train.labels.length, params }, seed);
  const trained = await fit({
    model,
    createSession,
    train,
    validation,
    epochs: EPOCHS,
    batchSize: 64,
    seed,
    optimizer: { name: 'adamw', learningRate: 0.004, weightDecay: 0.02 },
    schedule: { name: 'cosine', warmupEpochs: 1 },
    labelSmoothing: 0.1,
    augmentation,
  });
  const found = score(await predict(trained.model, test, createSession), test.y);
  console.log(
    `  fsdd, seed ${seed}: test ${(100 * found.accuracy).toFixed(2)} %, ` +
      `validation ${(100 * trained.validation.accuracy).toFixed(2)} %, ${trained.seconds.toFixed(0)} s`,
  );
  return 100 * found.accuracy;
}

export async function rows(): Promise<Row[]> {
  const archive = join(process.env['VERGE_DATA'] ?? '', 'fsdd', 'recordings.tar.gz');
  if (!existsSync(archive)) {
    console.log('  fsdd: skipped, for VERGE_DATA does not name a folder that has it');
    return [];
  }
  const data = await spokenDigits(archive);
  const found: number[] = [];
  for (const seed of SEEDS) found.push(await accuracy(data, seed));
  const median = found.sort((a, b) => a - b)[1]!;
  return [
    {
      work: `spoken digits, ${data.test.y.length} test recordings, DS-CNN over log-mel, median of ${SEEDS.length} seeds`,
      unit: '%',
      ours: median,
      peer: BAR,
      peerName: 'accuracy asked for',
      ratio: median / BAR,
      bar: 1,
      ok: median >= BAR,
    },
  ];
}
