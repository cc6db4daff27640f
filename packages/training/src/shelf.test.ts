/** A run whose weights lie on a disk is the run that holds them in memory, bit for bit. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { float32, GraphBuilder, isLazy, type Model } from '@verge/onnx';
import { createSession, openScratch } from '@verge/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeCheckpoint } from './checkpoint.js';
import { fit } from './fit.js';
import type { FitOptions } from './fit-options.js';
import { Random } from './random.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const [WIDTH, CLASSES, BATCH] = [160, 4, 8];

function network(): Model {
  const b = new GraphBuilder();
  const random = new Random(3, 'weights');
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.uniform(-0.1, 0.1));
  let x = b.input('x', 'float32', ['n', WIDTH]);
  for (const layer of ['first', 'second', 'third']) {
    const w = b.initializer(`${layer}.weight`, float32([WIDTH, WIDTH], draw(WIDTH * WIDTH)));
    const bias = b.initializer(`${layer}.bias`, float32([WIDTH], draw(WIDTH)));
    x = b.node('Relu', [b.node('Add', [b.node('MatMul', [x, w]), bias])]);
  }
  const head = b.initializer('head.weight', float32([WIDTH, CLASSES], draw(WIDTH * CLASSES)));
  b.output(b.node('MatMul', [x, head]), 'float32', ['n', CLASSES]);
  return b.build();
}

function samples(count: number): { x: Float32Array; y: Int32Array; shape: number[] } {
  const random = new Random(5, 'samples');
  const y = Int32Array.from({ length: count }, (_, i) => i % CLASSES);
  const x = Float32Array.from({ length: count * WIDTH }, (_, i) => random.uniform(-1, 1) + y[Math.floor(i / WIDTH)]!);
  return { x, y, shape: [WIDTH] };
}

const options = (more: Partial<FitOptions>): FitOptions => ({
  ...{ model: network(), createSession, train: samples(4 * BATCH), validation: samples(BATCH), batchSize: BATCH },
  ...{ epochs: 3, optimizer: { name: 'sgd', learningRate: 0.05 } },
  ...more,
});

const cases: [string, Partial<FitOptions>][] = [
  ['everything moves', {}],
  [
    'momentum, and the best epoch is kept',
    { keep: 'best', optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } },
  ],
  ['the head moves', { trainable: (name) => name.startsWith('head') }],
  ['adapters move', { lora: { match: ['first.weight', 'third.weight'], rank: 2, alpha: 4 } }],
  ['the weights are averaged', { averaging: { kind: 'ema', decay: 0.9 } }],
  ['batches are cut into parts', { accumulate: 2 }],
];

it.each(cases)('%s: the same bytes, history and checkpoints, and nothing is left on the disk', async (name, more) => {
  const scratch = openScratch(join(folder, name), 0);
  const checkpoints: [Uint8Array[], Uint8Array[]] = [[], []];
  const save = (bytes: Uint8Array): void => void checkpoints[0].push(bytes);
  const savePieces = (pieces: Iterable<Uint8Array>): void => void checkpoints[1].push(Buffer.concat([...pieces]));
  const plain = await fit(options({ ...more, saveCheckpoint: save }));
  const saved = await fit(options({ ...more, saveCheckpointPieces: savePieces, scratch }));
  expect(Buffer.from(saved.bytes).equals(plain.bytes)).toBe(true);
  const untimed = (history: typeof plain.history): object[] => history.map((point) => ({ ...point, seconds: 0 }));
  expect(untimed(saved.history)).toEqual(untimed(plain.history));
  expect(saved.parameters).toEqual(plain.parameters);
  // Matchers take their time over so many elements.
  const digests = checkpoints.map((list) =>
    list.map((bytes) =>
      [...decodeCheckpoint(bytes).vectors].map(([key, v]) => [key, createHash('sha256').update(v).digest('hex')]),
    ),
  );
  expect(digests[1]).toEqual(digests[0]);
  // Of the files of sessions none is left; those of constants go with the folder.
  expect((await readdir(scratch.folder).catch(() => [])).length).toBeLessThanOrEqual(1);
  scratch.close();
  const resumed = await fit(
    options({ ...more, resumeFrom: checkpoints[1][1]!, scratch: openScratch(join(folder, name), 0) }),
  );
  expect(Buffer.from(resumed.bytes).equals(plain.bytes)).toBe(true);
});

it('lets go of the given weights, reads constants from the disk, and does not touch small models', async () => {
  const scratch = openScratch(join(folder, 'memory'), 0);
  const refs: WeakRef<object>[] = [];
  const given = (): FitOptions => {
    const made = options({ lora: { match: ['second.weight'], rank: 2, alpha: 4 } });
    for (const { value } of made.model.graph.initializers.values())
      if ('data' in value && value.dims[1] === WIDTH) refs.push(new WeakRef((value.data as Float32Array).buffer));
    return made;
  };
  let alive = -1;
  const onProgress = (): void => {
    scratch.collect();
    alive = refs.filter((ref) => ref.deref()).length;
  };
  const run = (): ReturnType<typeof fit> => fit({ ...given(), scratch, onProgress });
  const { model } = await run();
  expect(refs.length).toBe(3);
  expect(alive).toBe(0);
  const lazy = [...model.graph.initializers].filter(([, { value }]) => isLazy(value)).map(([name]) => name);
  expect(lazy).toEqual(['first.weight', 'second.weight', 'third.weight']);
  scratch.close();
  expect(() => model.graph.initializers.get('first.weight')!.value).not.toThrow();
  const small = openScratch(join(folder, 'small'));
  await fit(options({ scratch: small, epochs: 1 }));
  await expect(readdir(small.folder)).rejects.toThrow(/ENOENT/);
});
