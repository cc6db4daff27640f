/** A source whose samples are rows of one size, in one file or in a file for each part. */
import type { FiniteRows } from '../readers/finite.js';
import { gapNotes, numberedLabels } from '../readers/labels.js';
import type { Part } from '../samples.js';
import { readSegments } from './concat.js';
import { dtypeOfDescr, readFixedRows, type FixedRows } from './fixed-rows.js';
import { sizeOf, type RawSource } from './raw-source.js';

export interface Run {
  readonly rows: FixedRows;
  /** Class of each row, and with it their number. */
  readonly y: Int32Array;
  /** Where the data set names its parts. */
  readonly part?: Part;
}

/**
 * The runs, one after the other, as one source.
 * @param shape of one sample
 * @param notes what is said beside classes without a sample
 */
export function sourceOfRuns(
  runs: readonly Run[],
  shape: readonly number[],
  finite: FiniteRows,
  close: () => Promise<void>,
  notes: readonly string[] = [],
): RawSource {
  const y = new Int32Array(runs.reduce((n, run) => n + run.y.length, 0));
  const parts: Part[] = [];
  let at = 0;
  for (const { y: own, part } of runs) {
    y.set(own, at);
    at += own.length;
    if (part) for (let i = 0; i < own.length; i++) parts.push(part);
  }
  const dtype = runs.every(({ rows }) => dtypeOfDescr(rows.descr) === 'uint8') ? 'uint8' : 'float32';
  const segments = runs.map(({ rows, y: own }) => ({
    count: own.length,
    read: (indices: ArrayLike<number>) => readFixedRows(rows, indices),
  }));
  const width = sizeOf(shape);
  return {
    shape,
    dtype,
    y,
    labels: numberedLabels(y),
    notes: [...notes, ...gapNotes(y)],
    ...(parts.length > 0 && { parts }),
    get unreadable() {
      return finite.summary;
    },
    check: () => finite.check(),
    rows: async (indices) => finite.block(await readSegments(segments, indices, width, dtype), width, indices),
    close,
  };
}
