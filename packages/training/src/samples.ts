/** Labelled samples as training reads them; `Samples` of the data package fits. */
import { elementCount } from '@verge/onnx';
import { refuse } from './errors.js';

export interface TrainingSamples {
  /** All samples, row-major, one after the other. */
  readonly x: Float32Array | Uint8Array;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
  /** Class index of each sample. */
  readonly y: Int32Array;
}

/** Collects the samples at `indices` into one batch. */
export function gatherBatch(samples: TrainingSamples, indices: ArrayLike<number>): Float32Array {
  const size = elementCount(samples.shape);
  const batch = new Float32Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * size;
    batch.set(samples.x.subarray(from, from + size), i * size);
  }
  return batch;
}

/** Collects rows of a matrix [n, width] by index. */
export function gatherRows(matrix: Float32Array, width: number, indices: ArrayLike<number>): Float32Array {
  const rows = new Float32Array(indices.length * width);
  for (let i = 0; i < indices.length; i++)
    rows.set(matrix.subarray(indices[i]! * width, (indices[i]! + 1) * width), i * width);
  return rows;
}

/** @throws TrainingError `bad-samples` when sizes disagree, or a label is outside `classes` (where known) */
export function checkTrainingSamples(samples: TrainingSamples, what: string, classes?: number): void {
  const problems: string[] = [];
  const size = elementCount(samples.shape);
  if (samples.y.length === 0) problems.push('there is no sample');
  if (samples.x.length !== size * samples.y.length) {
    problems.push(
      `x holds ${samples.x.length} elements, ${samples.y.length} samples of [${samples.shape.join(', ')}] need ${size * samples.y.length}`,
    );
  }
  const out = classes === undefined ? -1 : samples.y.findIndex((c) => c < 0 || c >= classes);
  if (out >= 0) problems.push(`y[${out}] is ${samples.y[out]}, the model has ${classes} outputs`);
  refuse('bad-samples', what, problems);
}
