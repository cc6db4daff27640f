/** The parts of a data set that a training reads: in memory, or the training part on disk. */
import { createHash } from 'node:crypto';
import { Preprocess, type TrainingConfig } from '@verge/contracts';
import {
  openDataset,
  type OpenOptions,
  openSource,
  type Part,
  type Samples,
  type Source,
  splitIndices,
} from '@verge/data';
import { arraysOfConfig, type KnownOfData, partOf, type SampleSet } from '@verge/training';
import { readDocument } from '../documents.js';
import type { Output } from '../output.js';
import { describeReading, refuseEmpty, splitData } from './data.js';
import { beside } from './files.js';

export interface TrainingData {
  readonly name: string;
  readonly shape: readonly number[];
  readonly labels: readonly string[];
  /** What is right of all samples. */
  readonly truths: KnownOfData;
  /** What was left out of them, and decided about them, in words. */
  readonly notes: readonly string[];
  readonly counts: Readonly<Record<Part, number>>;
  readonly train: SampleSet;
  readonly validation: Samples;
  readonly test: Samples;
  close(): Promise<void>;
}

const parts: readonly Part[] = ['train', 'validation', 'test'];

async function inMemory(path: string, options: OpenOptions, split: string, output: Output): Promise<TrainingData> {
  const all = await openDataset(path, options);
  for (const line of describeReading(all)) output.progress(line);
  const { train, validation, test } = splitData(all, split, parts);
  const { name, shape, labels } = all;
  const counts = { train: train.y.length, validation: validation.y.length, test: test.y.length };
  const notes = describeReading(all);
  return { name, shape, labels, truths: all, notes, counts, train, validation, test, close: async () => undefined };
}

/**
 * Identifies the samples without reading them: their labels, and which of them are meant. A checkpoint is not resumed on
 * another data set; a file whose samples change while its labels stay is not noticed.
 */
function digestOf({ name, format, y, targets }: Source, indices: Uint32Array): string {
  const hash = createHash('sha256').update(JSON.stringify([name, format]));
  for (const part of [y, ...(targets ? [targets] : []), indices])
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('hex');
}

/** Validation and test are read once and kept; the training part stays where it is. */
async function onDisk(path: string, options: OpenOptions, split: string, output: Output): Promise<TrainingData> {
  const source = await openSource(path, options);
  for (const line of describeReading(source)) output.progress(line);
  try {
    const indices = splitIndices(source, split);
    refuseEmpty(source, (part) => indices[part].length, parts);
    const { name, shape, labels } = source;
    return {
      name,
      shape,
      labels,
      truths: source,
      notes: describeReading(source),
      counts: { train: indices.train.length, validation: indices.validation.length, test: indices.test.length },
      train: partOf(source, indices.train, { digest: digestOf(source, indices.train), block: source.block }),
      validation: await source.read(indices.validation),
      test: await source.read(indices.test),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** @param file the configuration, which paths are relative to */
export async function openTrainingData(
  config: TrainingConfig & { data: NonNullable<TrainingConfig['data']> },
  file: string,
  output: Output,
): Promise<TrainingData> {
  const { data, split } = config;
  const inputs = arraysOfConfig(config);
  const path = beside(file, data.path);
  const preprocess = data.preprocess === undefined ? undefined : beside(file, data.preprocess);
  const pipeline = preprocess ? await readDocument(preprocess, Preprocess, 'preprocessing') : undefined;
  const { path: _path, preprocess: _file, stream, ...how } = data;
  const options: OpenOptions = { ...how, inputs, ...(pipeline && { preprocess: pipeline }) };
  return (stream ? onDisk : inMemory)(path, options, split, output);
}
