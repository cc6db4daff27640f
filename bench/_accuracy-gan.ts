/**
 * Handwritten digits drawn by a DCGAN that learnt from MNIST's training part, judged by a classifier that shares nothing
 * with it but the data: another architecture, another seed, and held to the test part first.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, Random, score, trainGan, type TrainingSamples } from '@verge/training';
import type { Row } from './_row.js';

/** Test accuracy that the classifier must have, in per cent. */
const JUDGE = 99;
/** Samples drawn, and the share in per cent that must be read as some digit with this probability. */
const SAMPLES = 1000;
const BAR = 90;
const CONFIDENT = 0.9;

const NOISE = 64;
const EPOCHS = 6;
const BATCH = 64;

const image = [1, 28, 28];

interface Digits {
  readonly train: TrainingSamples;
  readonly test: TrainingSamples;
}

/** Pixels from -1 to 1, as the generator's tanh makes them. */
async function digits(folder: string): Promise<Digits> {
  const part = async (name: string): Promise<TrainingSamples> => {
    const { x, y } = await openDataset(join(folder, `${name}-images-idx3-ubyte.gz`));
    return { x: Float32Array.from(x, (v) => v / 127.5 - 1), shape: image, y };
  };
  return { train: await part('train'), test: await part('t10k') };
}

function classifier(train: TrainingSamples, test: TrainingSamples): ReturnType<typeof fit> {
  const params = { channels: [24, 48], dense: [96], batchNorm: true };
  return fit({
    model: buildArchitecture('cnn', { input: image, classes: 10, params }, 11),
    createSession,
    train,
    validation: test,
    epochs: 3,
    seed: 11,
    optimizer: { name: 'adamw', learningRate: 0.003, weightDecay: 0.01 },
  });
}

async function draw({ train }: Digits): Promise<TrainingSamples> {
  const optimizer = { name: 'adam', learningRate: 0.0002, beta1: 0.5 } as const;
  const { generator } = await trainGan({
    generator: buildArchitecture(
      'dcgan-generator',
      { input: [NOISE], classes: 1, params: { channels: 1, size: 28, features: 32 } },
      1,
    ),
    discriminator: buildArchitecture('dcgan-discriminator', { input: image, classes: 1, params: { features: 32 } }, 2),
    createSession,
    real: { x: Float32Array.from(train.x), shape: image },
    steps: EPOCHS * Math.floor(train.y.length / BATCH),
    batchSize: BATCH,
    optimizer: { generator: optimizer, discriminator: optimizer },
    averaging: { kind: 'ema', decay: 0.995 },
    seed: 1,
  });
  const random = new Random(77, 'samples');
  const noise = Float32Array.from({ length: SAMPLES * NOISE }, () => random.normal());
  const y = new Int32Array(SAMPLES);
  const { logits } = await predict(generator, { x: noise, shape: [NOISE], y }, createSession);
  return { x: logits, shape: image, y };
}

/** Probability and class of each sample's likeliest digit. */
function readings(logits: Float32Array): { probability: number; digit: number }[] {
  return Array.from({ length: SAMPLES }, (_, i) => {
    const row = logits.subarray(i * 10, i * 10 + 10);
    const peak = Math.max(...row);
    const total = row.reduce((sum, v) => sum + Math.exp(v - peak), 0);
    return { probability: 1 / total, digit: row.indexOf(peak) };
  });
}

function row(work: string, unit: string, ours: number, bar: number): Row {
  return { work, unit, ours, peer: bar, peerName: 'required', ratio: ours / bar, bar: 1, ok: ours >= bar };
}

export async function rows(): Promise<Row[]> {
  const data = process.env['VERGE_DATA'];
  const folder = join(data ?? '', 'mnist');
  if (!data || !existsSync(folder)) {
    console.log('VERGE_DATA has no mnist: skipping generated digits');
    return [];
  }
  const sets = await digits(folder);
  const judge = await classifier(sets.train, sets.test);
  const accuracy = 100 * score(await predict(judge.model, sets.test, createSession), sets.test.y).accuracy;
  const drawn = await draw(sets);
  const read = readings((await predict(judge.model, drawn, createSession)).logits);
  const sure = read.filter((r) => r.probability > CONFIDENT);
  const found = new Set(sure.map((r) => r.digit)).size;
  return [
    row('MNIST classifier that judges', '% of the test part', accuracy, JUDGE),
    row(`DCGAN on MNIST, ${SAMPLES} samples read with p > ${CONFIDENT}`, '%', (100 * sure.length) / SAMPLES, BAR),
    row('DCGAN on MNIST, digits among them', 'classes', found, 10),
  ];
}
