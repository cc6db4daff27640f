import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, openSource, pick, splitIndices, splitSamples, type Samples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';
import { Random } from '../random.js';
import { Batches } from './batches.js';
import { blockOrder, WINDOW_BLOCKS } from './order.js';
import { PreparingThread } from './prefetch.js';
import { prepareInput } from './prepare.js';
import { memorySource, partOf, type SampleSource } from './source.js';

const folder = fileURLToPath(new URL('../../../../datasets/digits', import.meta.url));
let train: Samples;
let validation: Samples;

beforeAll(async () => {
  const parts = splitSamples(await loadDigits(folder), 'digits-v1');
  train = pick(
    parts.train,
    Array.from({ length: 330 }, (_, i) => i),
  );
  validation = parts.validation;
});

const still = { shift: 0, rotate: 0, scale: 0, flip: false };
const augmentation = { shift: 1, rotate: 10, scale: 0.1, flip: true, noise: 0.05, mixup: 0.4, cutout: 2 };

const run = (more: Partial<FitOptions> = {}): Promise<FitResult> =>
  fit({
    model: buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [32] } }, 3),
    createSession,
    train,
    validation,
    epochs: 3,
    batchSize: 32,
    seed: 5,
    optimizer: { name: 'adamw', learningRate: 0.01 },
    augmentation,
    ...more,
  });

const hex = ({ bytes }: FitResult): string => Buffer.from(bytes).toString('hex');
const threads = (): number => process.getActiveResourcesInfo().filter((r) => r === 'MessagePort').length;

/** Answers later, as a file would. */
const later = (source: SampleSource): SampleSource => ({
  ...source,
  read: (indices) => new Promise((resolve) => setTimeout(() => resolve(source.read(indices)), 1)),
});

describe('a thread that prepares batches', () => {
  it('changes nothing: the same bytes and history as without, also resumed within an epoch', async () => {
    const checkpoints: Uint8Array[] = [];
    const before = threads();
    const inline = await run({ prefetch: false });
    const ahead = await run({
      prefetch: true,
      checkpointEverySteps: 7,
      saveCheckpoint: (b) => void checkpoints.push(b),
    });
    expect(hex(ahead)).toBe(hex(inline));
    const timeless = (r: FitResult): unknown => r.history.map((p) => ({ ...p, seconds: 0 }));
    expect(timeless(ahead)).toEqual(timeless(inline));
    for (const resumeFrom of checkpoints.slice(0, 3)) {
      expect(hex(await run({ prefetch: true, resumeFrom }))).toBe(hex(inline));
    }
    expect(hex(await run({ prefetch: true, train: later(memorySource(train)) }))).toBe(hex(inline));
    expect(threads()).toBe(before);
  });

  it('gives what prepareInput gives, in order, and hands errors on', async () => {
    const preparation = { shape: [1, 8, 8], dtype: 'float32', augmentation } as const;
    const thread = new PreparingThread(preparation);
    const values = (i: number): Float32Array => Float32Array.from(train.x.subarray(i * 640, (i + 1) * 640));
    const done: number[] = [];
    const all = [0, 1, 2, 3].map(async (i) => {
      const x = await thread.prepare(values(i), i);
      done.push(i);
      expect(x).toEqual(prepareInput(values(i), i, preparation));
    });
    await Promise.all(all);
    expect(done).toEqual([0, 1, 2, 3]);
    await thread.close();
    await expect(thread.prepare(values(0), 0)).rejects.toThrow('ended');
    const flat = new PreparingThread({ ...preparation, shape: [64] });
    await expect(flat.prepare(values(0), 0)).rejects.toThrow('image augmentation needs');
    await flat.close();
  });

  it('leaves the memory of a source alone', async () => {
    const memory = Float32Array.from(train.x);
    const viewed: SampleSource = {
      count: 320,
      shape: train.shape,
      block: 32,
      // Views on memory that holds all samples, wherever a batch lies.
      read: (indices) => {
        const from = Math.floor(indices[0]! / 32) * 32;
        return { x: memory.subarray(from * 64, (from + 32) * 64), y: train.y.subarray(from, from + 32) };
      },
    };
    expect((await run({ prefetch: true, train: viewed, augmentation: { ...still, noise: 0.1 } })).steps).toBe(30);
    expect(memory).toEqual(Float32Array.from(train.x));
  });

  it('is started where the first batches show that it pays, and a core is free', async () => {
    const size = 64 * 28 * 28;
    const source: SampleSource = {
      count: 64_000,
      shape: [1, 28, 28],
      read: ({ length }) => ({ x: new Float32Array(size), y: new Int32Array(length) }),
    };
    const plan = { seed: 1, count: source.count, batch: 64, epochs: 10 };
    const started = async (change: object | undefined, cores: number): Promise<boolean> => {
      const preparation = {
        shape: source.shape,
        dtype: 'float32' as const,
        augmentation: change && { ...still, ...change },
      };
      const threadsUsed = Math.max(1, availableParallelism() - cores);
      const batches = new Batches(
        { source, plan, preparation, threads: threadsUsed },
        { epoch: 0, stepInEpoch: 0, step: 0 },
      );
      for (let i = 0; i < 20; i++) await batches.next();
      const { prefetching } = batches;
      await batches.close();
      return prefetching;
    };
    expect(await started({ rotate: 10 }, 1)).toBe(availableParallelism() > 1);
    expect(await started({ rotate: 10 }, 0)).toBe(false);
    expect(await started(undefined, 1)).toBe(false);
  });

  it('ends with the run, however the run ends', async () => {
    const before = threads();
    const control = new AbortController();
    let [steps, during] = [0, 0];
    const augment = (x: Float32Array): Float32Array => {
      during = Math.max(during, threads());
      if (++steps === 4) control.abort();
      return x;
    };
    await expect(run({ prefetch: true, augment, signal: control.signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(steps).toBe(4);
    expect(during).toBeGreaterThan(before);
    expect(threads()).toBe(before);
    const optimizer = { name: 'sgd', learningRate: 1e30 } as const;
    await expect(run({ prefetch: true, optimizer })).rejects.toMatchObject({ code: 'diverged' });
    const broken: SampleSource = {
      ...memorySource(train),
      read: () => Promise.reject(new Error('the disk is gone')),
    };
    await expect(run({ prefetch: true, train: broken })).rejects.toThrow('the disk is gone');
    expect(threads()).toBe(before);
  });
});

describe('samples that are not in memory', () => {
  it('train to the bytes of the same samples in memory', async () => {
    const memory = await run();
    expect(hex(await run({ train: later(memorySource(train)), validation: later(memorySource(validation)) }))).toBe(
      hex(memory),
    );
  });

  it('may be a part of a data set on disk', async () => {
    const source = await openSource(folder);
    try {
      const parts = splitIndices(source, 'digits-v1');
      const first = parts.train.subarray(0, 330);
      const streamed = await run({ train: partOf(source, first), validation: partOf(source, parts.validation) });
      const whole = splitSamples(await loadDigits(folder), 'digits-v1');
      expect(hex(streamed)).toBe(hex(await run({ validation: whole.validation })));
    } finally {
      await source.close();
    }
  });

  it('are read by runs where the source asks for it, each run once within a window', async () => {
    const order = blockOrder(1000, 10, new Random(1, 'order'));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    const window = 10 * WINDOW_BLOCKS;
    for (let from = 0; from < 1000; from += window) {
      const runs = new Set([...order.subarray(from, from + window)].map((i) => Math.floor(i / 10)));
      expect(runs.size).toBe(Math.min(WINDOW_BLOCKS, (1000 - from) / 10));
    }
    expect([...order.subarray(0, 20)]).not.toEqual([...order.subarray(0, 20)].sort((a, b) => a - b));
    const blocks = { ...memorySource(train), block: 8 };
    const [a, b, other] = [await run({ train: blocks }), await run({ train: blocks }), await run()];
    expect(hex(a)).toBe(hex(b));
    expect(hex(a)).not.toBe(hex(other));
  });

  it('fill batches up where a source leaves unreadable samples out', async () => {
    const whole = memorySource(train);
    const gaps: SampleSource = { ...whole, read: (indices) => whole.read(indices.filter((i) => i % 10 !== 3)) };
    const part = partOf(
      gaps,
      Array.from({ length: 330 }, (_, i) => i),
    );
    const { y, x } = await part.read(Int32Array.of(2, 3, 4));
    expect([...y!]).toEqual([2, 4, 2].map((i) => train.y[i]));
    expect(x).toHaveLength(3 * 64);
    expect((await run({ train: part })).steps).toBe(30);
    await expect(run({ train: gaps })).rejects.toMatchObject({ code: 'bad-samples' });
  });

  it('are refused when their labels are no classes of the model', async () => {
    const wrong: SampleSource = {
      ...memorySource(train),
      read: async (indices) => {
        const samples = await memorySource(train).read(indices);
        return { ...samples, y: new Int32Array(indices.length).fill(10) };
      },
    };
    await expect(run({ train: wrong, augmentation: undefined })).rejects.toMatchObject({ code: 'bad-samples' });
  });

  it('identify themselves: a checkpoint is not resumed on other data', async () => {
    let last = new Uint8Array();
    const source = { ...memorySource(train), digest: 'one' };
    await run({ train: source, epochs: 1, saveCheckpoint: (bytes) => void (last = Uint8Array.from(bytes)) });
    const other = run({ train: { ...source, digest: 'two' }, epochs: 1, resumeFrom: last });
    await expect(other).rejects.toMatchObject({ code: 'bad-checkpoint' });
  });
});

describe('options that do not go together', () => {
  it('are named at once', async () => {
    const loss = { kind: 'hinge' } as const;
    await expect(run({ loss, metrics: ['rmse'], monitor: 'auc' })).rejects.toMatchObject({
      code: 'bad-options',
      problems: [
        expect.stringContaining('augmentation.mixup'),
        expect.stringContaining("metrics: 'rmse'"),
        expect.stringContaining("monitor: 'auc'"),
      ],
    });
    const inner = { kind: 'hint', student: 'a', teacher: 'b' } as const;
    await expect(run({ loss: inner, augmentation: undefined })).rejects.toMatchObject({
      code: 'bad-options',
      problems: [expect.stringContaining('says nothing about the output')],
    });
    const flat = { ...train, shape: [64] };
    const model = buildArchitecture('mlp', { input: [64], classes: 10, params: { hidden: [8] } });
    const images = run({ model, train: flat, validation: { ...validation, shape: [64] } });
    await expect(images).rejects.toMatchObject({ code: 'shape-mismatch' });
  });
});
