/**
 * Tasks with networks that differ in what an initialisation may do to them: with and without batch normalisation, recurrent,
 * attention, dense. Networks and data are those of other benchmarks, the trainings shorter.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadDigits, openDataset, splitSamples, type Samples } from '@verge/data';
import type { FitOptions, InitialisationRule, OptimizerSpec, ParamValue } from '@verge/training';
import { spokenDigits } from './_accuracy-audio.js';
import { noisy, normalised, plans } from './_accuracy-series.js';

type Params = Readonly<Record<string, ParamValue>>;

type Part = Pick<Samples, 'x' | 'shape' | 'y'>;

export interface TaskData {
  readonly train: Part;
  readonly validation: Part;
  readonly test: Part;
  readonly classes: number;
}

export interface InitialisationTask {
  readonly name: string;
  readonly text: string;
  readonly architecture: string;
  readonly params: Params;
  /** Parameters that are compared beside the rules, by what they are called, and with which rules. */
  readonly extra?: Readonly<Record<string, Params>>;
  readonly extraRules: readonly InitialisationRule[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec;
  readonly labelSmoothing: number;
  readonly maxGradientNorm?: number;
  readonly augment?: FitOptions['augment'];
  /** PyTorch trains it, too (`initialisation-peer.py` knows the network). */
  readonly peer?: boolean;
  present(): boolean;
  data(): Promise<TaskData>;
}

const folder = process.env['VERGE_DATA'] ?? '';
const has = (name: string) => (): boolean => existsSync(join(folder, name));

const digits = async (): Promise<TaskData> => ({
  ...splitSamples(await loadDigits('datasets/digits'), 'digits-v1'),
  classes: 10,
});

/** The samples of a part whose position leaves one of the remainders when divided by `by`. */
function thinned({ x, shape, y }: Part, by: number, keep: (remainder: number) => boolean): Part {
  if (!(x instanceof Float32Array)) throw new TypeError('samples of float32 are expected');
  const size = shape.reduce((a, b) => a * b, 1);
  const indices = [...y.keys()].filter((i) => keep(i % by));
  const values = new Float32Array(indices.length * size);
  indices.forEach((from, to) => values.set(x.subarray(from * size, (from + 1) * size), to * size));
  return { x: values, shape, y: Int32Array.from(indices, (i) => y[i]!) };
}

/** Every tenth training image of MNIST, and the whole test part. */
async function mnist(): Promise<TaskData> {
  const pixels = await openDataset(join(folder, 'mnist'));
  const all = { ...pixels, shape: [1, 28, 28], x: Float32Array.from(pixels.x, (v) => v / 255) };
  const { train, validation, test } = splitSamples(all, 'own');
  const tenth = (r: number): boolean => r === 0;
  return { train: thinned(train, 10, tenth), validation: thinned(validation, 4, tenth), test, classes: 10 };
}

/** Every fifth series of the training part is held out. */
async function vowels(): Promise<TaskData> {
  const data = await openDataset(join(folder, 'aeon', 'JapaneseVowels_TRAIN.ts'));
  const all = normalised(data, 'train');
  return {
    train: thinned(all, 5, (r) => r !== 0),
    validation: thinned(all, 5, (r) => r === 0),
    test: normalised(data, 'test'),
    classes: data.labels.length,
  };
}

const adamw = (learningRate: number): OptimizerSpec => ({ name: 'adamw', learningRate, weightDecay: 0.01 });
const nesterov = (learningRate: number): OptimizerSpec => ({
  ...{ name: 'sgd', learningRate, momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
});
const gru = plans['JapaneseVowels']![0]!;
const common = { batchSize: 64, labelSmoothing: 0.1, extraRules: [] };

export const initialisationTasks: readonly InitialisationTask[] = [
  {
    ...common,
    name: 'mlp',
    text: 'perceptron of three hidden layers on digits, SGD',
    architecture: 'mlp',
    params: { hidden: [64, 64, 64] },
    epochs: 30,
    optimizer: nesterov(0.05),
    present: () => true,
    data: digits,
  },
  {
    ...common,
    name: 'resnet',
    text: 'ResNet-8 on digits, SGD',
    architecture: 'resnet',
    params: { channels: [16, 32, 64] },
    extra: { 'zero-init': { zeroInitResidual: true } },
    extraRules: ['he-glorot', 'pytorch'],
    epochs: 10,
    optimizer: nesterov(0.1),
    present: () => true,
    data: digits,
  },
  {
    ...common,
    name: 'transformer',
    text: 'Transformer encoder over patches of digits, AdamW',
    architecture: 'transformer',
    params: { patch: 2 },
    epochs: 30,
    optimizer: adamw(0.003),
    present: () => true,
    data: digits,
  },
  {
    ...common,
    name: 'gru',
    text: 'bidirectional GRU on JapaneseVowels, AdamW',
    architecture: gru.architecture,
    params: gru.params,
    epochs: 40,
    batchSize: gru.batchSize,
    optimizer: gru.optimizer,
    maxGradientNorm: 1,
    augment: noisy(gru.noise),
    present: has('aeon'),
    data: vowels,
  },
  {
    ...common,
    name: 'cnn',
    text: 'CNN without batch normalisation on 5,400 images of MNIST, AdamW',
    architecture: 'cnn',
    params: { channels: [16, 32], dense: [64] },
    epochs: 5,
    optimizer: adamw(0.002),
    present: has('mnist'),
    data: mnist,
  },
  {
    ...common,
    name: 'dscnn',
    text: 'DS-CNN on spoken digits, AdamW',
    architecture: 'dscnn',
    params: { stem: 32, stemStride: 2, channels: [48, 64, 64, 96], strides: [1, 2, 1, 2], dropout: 0.2 },
    epochs: 8,
    optimizer: { name: 'adamw', learningRate: 0.004, weightDecay: 0.02 },
    peer: true,
    present: has('fsdd'),
    data: async () => ({ ...(await spokenDigits(join(folder, 'fsdd', 'recordings.tar.gz'))), classes: 10 }),
  },
  ...(['mobilenetv1', 'mobilenetv2'] as const).map((architecture) => ({
    ...common,
    name: architecture,
    text: `${architecture} of a quarter of the width on digits, AdamW`,
    architecture,
    params: { width: 0.25, stemStride: 1 },
    epochs: 12,
    optimizer: adamw(0.004),
    present: () => true,
    data: digits,
  })),
];
