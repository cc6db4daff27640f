/** A source whose samples are rows of one size, in one file or in a file for each part. */
import type { FiniteRows } from '../readers/finite.js';
import type { ArrayTruths } from '../readers/array-targets.js';
import type { Part } from '../samples.js';
import { readSegments } from './concat.js';
import { dtypeOfDescr, readFixedRows, type FixedRows } from './fixed-rows.js';
import { sizeOf, type RawSource } from './raw-source.js';

export interface Run {
  readonly rows: FixedRows;
  readonly count: number;
  /** Where the data set names its parts. */
  readonly part?: Part;
}

export interface RunsOptions {
  readonly finite: FiniteRows;
  /** What is right of the samples of all runs. */
  readonly truths: ArrayTruths;
  readonly close: () => Promise<void>;
}

/**
 * The runs, one after the other, as one source.
 * @param shape of one sample
 */
export function sourceOfRuns(runs: readonly Run[], shape: readonly number[], options: RunsOptions): RawSource {
  const { finite, truths, close } = options;
  const parts = runs.flatMap(({ part, count }) => (part ? Array<Part>(count).fill(part) : []));
  const dtype = runs.every(({ rows }) => dtypeOfDescr(rows.descr) === 'uint8') ? 'uint8' : 'float32';
  const segments = runs.map(({ rows, count }) => ({
    count,
    read: (indices: ArrayLike<number>) => readFixedRows(rows, indices),
  }));
  const width = sizeOf(shape);
  return {
    shape,
    dtype,
    ...truths,
    ...(parts.length > 0 && { parts }),
    get unreadable() {
      return finite.summary;
    },
    get filled() {
      return finite.filled;
    },
    check: () => finite.check(),
    rows: async (indices) => finite.block(await readSegments(segments, indices, width, dtype), width, indices),
    close,
  };
}
