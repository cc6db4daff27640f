/** Where samples come from: memory, or anything that reads them by index. */
import { elementCount } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { checkTrainingSamples, type InputValues, type TargetValues, type TrainingSamples } from '../samples.js';

/** The samples at some indices, in their order; row-major. */
export interface SampleBatch {
  readonly x: InputValues;
  /** Class index of each sample; needed by the losses that compare with labels. */
  readonly y?: Int32Array;
  /** What the output is compared with, [rows, ...]; needed by the losses that compare with values. */
  readonly targets?: TargetValues;
}

/**
 * Samples that need not be in memory. `fit` reads each training sample once an epoch, and each validation sample once
 * after every epoch, in order.
 */
export interface SampleSource {
  readonly count: number;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
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

/** A source over samples in memory. */
export function memorySource(samples: TrainingSamples): SampleSource {
  const { x, y, targets, shape } = samples;
  const [count, size] = [y.length, elementCount(shape)];
  return {
    count,
    shape,
    read: (indices) => ({
      x: pickRows(x, size, indices),
      y: pickRows(y, 1, indices),
      ...(targets && { targets: pickRows(targets, targets.length / count, indices) }),
    }),
  };
}

/** Rows by place, each array in turn. */
function pickBatch({ x, y, targets }: SampleBatch, rows: number, places: ArrayLike<number>): SampleBatch {
  return {
    x: pickRows(x, x.length / rows, places),
    ...(y && { y: pickRows(y, 1, places) }),
    ...(targets && { targets: pickRows(targets, targets.length / rows, places) }),
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

export const sourceOf = (samples: SampleSet): SampleSource => (isSource(samples) ? samples : memorySource(samples));

export const countOf = (samples: SampleSet): number => (isSource(samples) ? samples.count : samples.y.length);

/** @throws TrainingError `bad-samples` when there is none, or sizes disagree */
export function checkSampleSet(samples: SampleSet, what: string): void {
  if (!isSource(samples)) return checkTrainingSamples(samples, what);
  if (!Number.isInteger(samples.count) || samples.count < 1) {
    throw new TrainingError('bad-samples', `${what}: there is no sample`);
  }
}

/** @throws TrainingError `bad-samples` when a source gave another number of rows than it was asked for */
export function checkBatch(batch: SampleBatch, rows: number, size: number, what: string): void {
  const problems: string[] = [];
  if (batch.x.length !== rows * size) problems.push(`x holds ${batch.x.length} elements, not ${rows} times ${size}`);
  if (batch.y && batch.y.length !== rows) problems.push(`y holds ${batch.y.length} labels, not ${rows}`);
  if (batch.targets && (batch.targets.length === 0 || batch.targets.length % rows !== 0)) {
    problems.push(`targets hold ${batch.targets.length} elements, which is no multiple of ${rows}`);
  }
  if (problems.length > 0)
    throw new TrainingError('bad-samples', `${what}: a batch of ${rows} samples was read: ${problems.join('; ')}`, {
      problems,
    });
}
