import { expect, it } from 'vitest';
import { DeviceClass } from '@verge/contracts';
import { Random, type Samples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { pruneFilters } from '../passes/prune-filters/prune.js';
import { foretold } from '../passes/prune-filters/foretold.js';
import { encodeModel, figuresOf } from '@verge/onnx';
import { sized } from './shares.js';
import { families } from './space.js';

const random = new Random(1);
const train: Samples = {
  ...{ name: 'noise', shape: [1, 8, 8], labels: [], y: new Int32Array(16).fill(-1) },
  x: Float32Array.from({ length: 16 * 64 }, () => random.unit()),
};
const context = { createSession, train };
const model = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10 }, 1);

it('foretells what pruning leaves', async () => {
  const ratios = [0.25, 0.5, 0.75];
  const told = await foretold(model, ratios, 8, context);
  const tuning = { epochs: 0, batchSize: 64, seed: 1, optimizer: { name: 'sgd', learningRate: 1 } as never };
  for (const [i, ratio] of ratios.entries()) {
    const how = { ratio, scope: 'layer', importance: 'magnitude', norm: 2, multiple: 8, scoreBatches: 1 } as const;
    const { model: pruned } = await pruneFilters(
      model,
      { ...how, fineTune: tuning },
      { ...context, validation: train },
    );
    const { macs } = figuresOf(pruned, { samples: { [pruned.graph.inputs[0]!.name]: train.shape } });
    expect(told[i]).toEqual({ bytes: encodeModel(pruned).byteLength, macs });
  }
});

it('leaves out shares that come to the same in blocks of channels, with the reason', async () => {
  const target = DeviceClass.parse({ name: 'edge', arch: 'arm64', int8Activation: 'int8' });
  const found = await sized(families(true, 1), model, target, context);
  // Layers of 16, 32 and 64 channels in blocks of 8: an eighth takes one block of the last stage alone.
  const tuned = found.find(({ family }) => family.name === 'prune-filters, tuned')!;
  expect([...tuned.left.keys()]).toEqual(tuned.family.sizes);
  const sizes = [...tuned.left.values()].map(({ bytes }) => bytes);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(new Set(sizes).size).toBe(sizes.length);
  const narrow = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params: { channels: [8, 16] } }, 1);
  const few = await sized(families(true, 1), narrow, target, context);
  const same = few.find(({ family }) => family.name === 'prune-filters, tuned')!;
  expect(same.family.sizes).toEqual([0.5]);
  expect(same.same.map(({ reason }) => reason)).toEqual([
    'prune-filters, tuned: in blocks of channels 0.25 takes nothing away',
    'prune-filters, tuned: in blocks of channels 0.375 takes nothing away',
    'prune-filters, tuned: in blocks of channels 0.625 leaves the same as 0.5',
    'prune-filters, tuned: in blocks of channels 0.75 leaves the same as 0.5',
    'prune-filters, tuned: in blocks of channels 0.875 leaves the same as 0.5',
  ]);
});
