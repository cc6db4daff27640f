/**
 * Handwritten digits drawn by a DCGAN that learnt from MNIST's training part, judged by a classifier that shares nothing
 * with it but the data: another architecture, another seed, and held to the test part first. How many real digits it reads
 * with the same confidence is what a perfect generator could reach.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@verge/data';
import type { Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import {
  buildArchitecture,
  fit,
  predict,
  Random,
  score,
  trainGan,
  type OptimizerSpec,
  type TrainingSamples,
} from '@verge/training';
import type { Row } from './_row.js';

/** Test accuracy that the classifier must have, in per cent. */
const JUDGE = 99;
/** Samples drawn, and the share in per cent that must be read as some digit with this probability. */
const SAMPLES = 1000;
const BAR = 90;
const CONFIDENT = 0.9;

const NOISE = 64;
const EPOCHS = 8;
const BATCH = 64;
/** Of both networks: without a dense layer figures stay in pieces (see the architecture). */
const params = { features: 64, dense: 512 };

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
  const layers = { channels: [32, 64], dense: [128], batchNorm: true };
  return fit({
    model: buildArchitecture('cnn', { input: image, classes: 10, params: layers }, 11),
    createSession,
    train,
    validation: test,
    epochs: 6,
    seed: 11,
    optimizer: { name: 'adamw', learningRate: 0.002, weightDecay: 0.01 },
    schedule: { name: 'cosine' },
  });
}

async function draw({ train }: Digits): Promise<TrainingSamples> {
  const adam = (learningRate: number): OptimizerSpec => ({ name: 'adam', learningRate, beta1: 0.5 });
  const drawn = { input: [NOISE], classes: 1, params: { ...params, channels: 1, size: 28 } };
  const { generator } = await trainGan({
    generator: buildArchitecture('dcgan-generator', drawn, 1),
    discriminator: buildArchitecture('dcgan-discriminator', { input: image, classes: 1, params }, 2),
    createSession,
    real: { x: Float32Array.from(train.x), shape: image },
    steps: EPOCHS * Math.floor(train.y.length / BATCH),
    batchSize: BATCH,
    optimizer: { generator: adam(0.001), discriminator: adam(0.0003) },
    schedule: { name: 'cosine' },
    averaging: { kind: 'ema', decay: 0.999 },
    seed: 1,
    reportEvery: 937,
    onProgress: ({ step, steps, discriminatorLoss, generatorLoss }) =>
      console.log(
        `    DCGAN: step ${step} of ${steps}, losses ${discriminatorLoss.toFixed(3)} and ${generatorLoss.toFixed(3)}`,
      ),
  });
  const random = new Random(77, 'samples');
  const noise = Float32Array.from({ length: SAMPLES * NOISE }, () => random.normal());
  const y = new Int32Array(SAMPLES);
  const { logits } = await predict(generator, { x: noise, shape: [NOISE], y }, createSession);
  return { x: logits, shape: image, y };
}

/** What is read with confidence: the share in per cent, and how many digits are among it. */
async function readings(judge: Model, samples: TrainingSamples): Promise<{ share: number; digits: number }> {
  const count = samples.y.length;
  const { logits } = await predict(judge, samples, createSession);
  const found = new Set<number>();
  let sure = 0;
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * 10, i * 10 + 10);
    const peak = Math.max(...row);
    const probability = 1 / row.reduce((sum, v) => sum + Math.exp(v - peak), 0);
    if (probability <= CONFIDENT) continue;
    sure++;
    found.add(row.indexOf(peak));
  }
  return { share: (100 * sure) / count, digits: found.size };
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
  const real = await readings(judge.model, sets.test);
  const drawn = await readings(judge.model, await draw(sets));
  return [
    row('MNIST classifier that judges', '% of the test part', accuracy, JUDGE),
    row(`real test digits read with p > ${CONFIDENT}`, '%', real.share, BAR),
    row(`DCGAN on MNIST, ${SAMPLES} samples read with p > ${CONFIDENT}`, '%', drawn.share, BAR),
    row('DCGAN on MNIST, digits among them', 'classes', drawn.digits, 10),
  ];
}
