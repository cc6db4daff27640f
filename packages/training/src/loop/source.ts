/** Where samples come from: memory, or anything that reads them by index. */
import { elementCount } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { SampleShape } from '../transfer/ports.js';
import { checkTrainingSamples, type InputValues, type TargetValues, type TrainingSamples } from '../samples.js';

/** The samples at some indices, in their order; row-major. */
export interface SampleBatch {
  readonly x: InputValues;
  /** Class index of each sample; needed by the losses that compare with labels. */
  readonly y?: Int32Array;
  /** What the output is compared with, [rows, ...]; needed by the losses that compare with values. */
  readonly targets?: TargetValues;
  /** What goes into the further inputs, by name. */
  readonly inputs?: Readonly<Record<string, InputValues>>;
  /** What terms of a loss read that name their targets. */
  readonly namedTargets?: Readonly<Record<string, TargetValues>>;
}

/**
 * Samples that need not be in memory. `fit` reads each training sample once an epoch, and each validation sample once
 * after every epoch, in order.
 */
export interface SampleSource {
  readonly count: number;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
  /** Shapes of one sample of the model's further inputs, by their names; every batch brings them. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /**
   * Samples that lie side by side and are cheap to read together. When given, an epoch shuffles runs of this many
   * samples, and then the samples within a window of runs, instead of all samples (`blockOrder`).
   */
  readonly block?: number;
  /** Identifies the content, so that a checkpoint is not resumed on other data. */
  readonly digest?: string;
  /** @param indices samples from 0 to count - 1 */
  read(indices: Int32Array, signal?: AbortSignal): SampleBatch | Promise<SampleBatch>;
}

export type SampleSet = TrainingSamples | SampleSource;

export const isSource = (samples: SampleSet): samples is SampleSource => 'read' in samples;

/** Elements of the same type as `values`. */
function emptyLike<T extends InputValues | TargetValues>(values: T, length: number): T {
  return new (values.constructor as new (length: number) => T)(length);
}

/** Collects rows of `width` elements by index. */
export function pickRows<T extends InputValues | TargetValues>(
  values: T,
  width: number,
  indices: ArrayLike<number>,
): T {
  const rows = emptyLike(values, indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * width;
    rows.set(values.subarray(from, from + width), i * width);
  }
  return rows;
}

type Named<T> = Readonly<Record<string, T>>;

/** A record with each value turned into another. */
export function mapped<A, B>(record: Named<A> | undefined, turn: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record ?? {}).map(([name, value]) => [name, turn(value, name)]));
}

/** Rows by place, each array in turn. */
function pickBatch(
  { x, y, targets, inputs, namedTargets }: SampleBatch,
  rows: number,
  places: ArrayLike<number>,
): SampleBatch {
  const pick = <T extends InputValues | TargetValues>(values: T): T => pickRows(values, values.length / rows, places);
  return {
    x: pick(x),
    ...(y && { y: pick(y) }),
    ...(targets && { targets: pick(targets) }),
    ...(inputs && { inputs: mapped(inputs, pick) }),
    ...(namedTargets && { namedTargets: mapped(namedTargets, pick) }),
  };
}

/** A source over samples in memory. */
export function memorySource(samples: TrainingSamples): SampleSource {
  const { y, shape, inputs } = samples;
  const all = { ...samples, inputs: inputs && mapped(inputs, ({ values }) => values) };
  return {
    count: y.length,
    shape,
    ...(inputs && { inputs: mapped(inputs, (input) => input.shape) }),
    read: (indices) => pickBatch(all, y.length, indices),
  };
}

/**
 * Some samples of a source, such as its training part, as a source of their own. Where the source leaves out samples that
 * turn out to be unreadable, those read with them take their place, so that every batch is full.
 */
export function partOf(
  source: SampleSource,
  indices: ArrayLike<number>,
  options: Pick<SampleSource, 'block' | 'digest'> = {},
): SampleSource {
  const all = Int32Array.from(indices);
  const size = elementCount(source.shape);
  return {
    count: all.length,
    shape: source.shape,
    inputs: source.inputs,
    ...options,
    read: async (wanted, signal) => {
      const batch = await source.read(
        Int32Array.from(wanted, (i) => all[i]!),
        signal,
      );
      const rows = batch.x.length / size;
      if (rows === wanted.length || rows === 0) return batch;
      return pickBatch(
        batch,
        rows,
        Int32Array.from(wanted, (_, i) => i % rows),
      );
    },
  };
}

/** What one sample of a set is. */
export function sampleShape(samples: SampleSet): SampleShape {
  const { shape, inputs } = sourceOf(samples);
  return { shape, ...(inputs && { inputs }) };
}

export const sourceOf = (samples: SampleSet): SampleSource => (isSource(samples) ? samples : memorySource(samples));

export const countOf = (samples: SampleSet): number => (isSource(samples) ? samples.count : samples.y.length);

/** @throws TrainingError `bad-samples` when there is none, or sizes disagree */
export function checkSampleSet(samples: SampleSet, what: string): void {
  if (!isSource(samples)) return checkTrainingSamples(samples, what);
  if (!Number.isInteger(samples.count) || samples.count < 1) {
    throw new TrainingError('bad-samples', `${what}: there is no sample`);
  }
}

/** @throws TrainingError `bad-samples` when a source gave another number of rows than it was asked for, or too few inputs */
export function checkBatch(batch: SampleBatch, rows: number, { shape, inputs = {} }: SampleShape, what: string): void {
  const problems: string[] = [];
  const size = elementCount(shape);
  if (batch.x.length !== rows * size) problems.push(`x holds ${batch.x.length} elements, not ${rows} times ${size}`);
  for (const [name, own] of Object.entries(inputs)) {
    const length = batch.inputs?.[name]?.length ?? 0;
    if (length !== rows * elementCount(own))
      problems.push(`inputs.${name} holds ${length} elements, not ${rows} times ${elementCount(own)}`);
  }
  if (batch.y && batch.y.length !== rows) problems.push(`y holds ${batch.y.length} labels, not ${rows}`);
  if (batch.targets && (batch.targets.length === 0 || batch.targets.length % rows !== 0)) {
    problems.push(`targets hold ${batch.targets.length} elements, which is no multiple of ${rows}`);
  }
  if (problems.length > 0)
    throw new TrainingError('bad-samples', `${what}: a batch of ${rows} samples was read: ${problems.join('; ')}`, {
      problems,
    });
}
