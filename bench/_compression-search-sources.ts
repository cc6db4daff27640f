/** The networks that searches are compared on, trained here on real samples: a part of them, so that an epoch takes seconds. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OptimizerConfig } from '@verge/contracts';
import { loadDigits, openDataset, pick, type Part, type Samples, splitSamples } from '@verge/data';
import { type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit } from '@verge/training';
import { spokenDigits } from './_accuracy-audio.js';

export type Data = Record<Part, Samples>;

export interface Searched {
  readonly name: string;
  /** Below `VERGE_DATA`. */
  readonly needs: string;
  data(folder: string): Promise<Data>;
  network(data: Data, seed: number): Model;
  readonly epochs: number;
  readonly learningRate: number;
}

/** So many of each part, evenly from all of it. */
const some = (data: Data, counts: Record<Part, number>): Data => {
  const of = (part: Part): Samples => {
    const [all, count] = [data[part], Math.min(counts[part], data[part].y.length)];
    return pick(
      all,
      Int32Array.from({ length: count }, (_, i) => Math.floor((i * all.y.length) / count)),
    );
  };
  return { train: of('train'), validation: of('validation'), test: of('test') };
};

async function mnist(folder: string, counts: Record<Part, number>): Promise<Data> {
  const pixels = { ...(await openDataset(join(folder, 'mnist'))), shape: [1, 28, 28] };
  const scaled = (part: Samples): Samples => ({ ...part, x: Float32Array.from(part.x, (v) => v / 255) });
  const { train, validation, test } = some(splitSamples(pixels, 'own'), counts);
  return { train: scaled(train), validation: scaled(validation), test: scaled(test) };
}

export const searched: readonly Searched[] = [
  {
    ...{ name: 'LeNet-5 on MNIST', needs: 'mnist', epochs: 30, learningRate: 0.003 },
    data: (folder) => mnist(folder, { train: 1500, validation: 1000, test: 2000 }),
    network: (_, seed) => buildArchitecture('lenet5', { input: [1, 28, 28], classes: 10 }, seed),
  },
  {
    ...{ name: 'ResNet-8 on scanned digits', needs: '', epochs: 12, learningRate: 0.004 },
    data: async () => splitSamples(await loadDigits('datasets/digits'), 'digits-v1'),
    network: (_, seed) => buildArchitecture('resnet', { input: [1, 8, 8], classes: 10 }, seed),
  },
  {
    ...{ name: 'DS-CNN on spoken digits', needs: 'fsdd', epochs: 16, learningRate: 0.004 },
    data: async (folder) => {
      const all = await spokenDigits(join(folder, 'fsdd', 'recordings.tar.gz'));
      return some(all, { train: 1200, validation: 300, test: 300 });
    },
    network: ({ train }, seed) => {
      const params = { stemStride: 2 };
      return buildArchitecture('dscnn', { input: train.shape, classes: train.labels.length, params }, seed);
    },
  },
];

export const present = ({ needs }: Searched): boolean => existsSync(join(process.env['VERGE_DATA'] ?? '', needs));

export async function trainedOn(one: Searched, data: Data, seed: number): Promise<Model> {
  const { train, validation } = data;
  const optimizer = OptimizerConfig.parse({ name: 'adamw', learningRate: one.learningRate, weightDecay: 0.01 });
  const { epochs } = one;
  const schedule = { name: 'cosine' as const, warmupEpochs: 1 };
  const common = { createSession, train, validation, epochs, batchSize: 64, seed, optimizer, schedule };
  return (await fit({ ...common, model: one.network(data, seed) })).model;
}
