import type { DatasetFormat, Preprocess } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { UnreadableRow } from '../samples.js';
import type { WindowOptions } from '../windows.js';
import type { FileNames } from './file-names.js';

export interface OpenOptions {
  /** The format's name when it should not be recognised from the content. */
  format?: DatasetFormat;
  /** Applied to each raw sample. */
  preprocess?: Preprocess;
  /** How many rows may be unreadable before reading fails; 0 unless told otherwise. */
  maxUnreadable?: number;
  /** Largest content read into memory, also after unpacking. */
  maxBytes?: number;
  /** Largest content unpacked to a temporary file, where a packed file is read a few samples at a time; 64 GiB. */
  maxUnpackedBytes?: number;
  /** Bytes of decoded images or recordings that a source keeps at hand; 64 MiB. */
  cacheBytes?: number;
  /** CSV: whether the first row holds names; recognised when absent. */
  header?: boolean;
  /** Parquet: the columns that are features; all but the label when absent. */
  featureColumns?: string[];
  /** CSV, Parquet: label column, a name or an index from 0, negative from the end; a column named label, class, target or y, else the last. */
  labelColumn?: string | number;
  /** NPZ, NPY: arrays beside x and y that go into further inputs of a model, by the name of the input. */
  inputs?: Readonly<Record<string, string>>;
  /** CSV: the separator; recognised when absent. */
  delimiter?: ',' | ';' | '\t';
  /** Series: steps of every sample; the longest series' when absent. Longer series are unreadable, shorter ones padded. */
  steps?: number;
  /** Series: what stands after the end of a shorter series; 0 when absent. */
  padValue?: number;
  /**
   * Series: what stands for a missing value: a number, or the channel's last one ('hold'). Without it a series with
   * missing values is unreadable.
   */
  missing?: number | 'hold';
  /** Series: cut into windows of `length` steps every `hop`, before preprocessing. */
  window?: WindowOptions;
  /** Images and recordings: what their names say, where they lie in one folder. */
  names?: FileNames;
  name?: string;
  signal?: AbortSignal;
}

const namedRows = 20;

/** Counts unreadable rows, names the first ones and stops the reading when there are too many. */
export class UnreadableRows {
  count = 0;
  readonly rows: UnreadableRow[] = [];
  readonly #limit: number;
  readonly #path: string;

  constructor(path: string, limit = 0) {
    this.#path = path;
    this.#limit = limit;
  }

  add(where: string, reason: string): void {
    this.count++;
    if (this.rows.length < namedRows) this.rows.push({ where, reason });
    // Over the limit by as many as can be named: enough to show the reader the pattern without reading on for ever.
    if (this.count > this.#limit + namedRows) this.check(true);
  }

  /** @throws DataError `unreadable-rows` when more rows were unreadable than the setting allows. */
  check(stopped = false): void {
    if (this.count <= this.#limit) return;
    const problems = this.rows.map((row) => `${row.where}: ${row.reason}`);
    throw new DataError(
      'unreadable-rows',
      `'${this.#path}' has ${stopped ? 'at least ' : ''}${this.count} unreadable rows, ${this.#limit} are allowed: ${problems.join('; ')}`,
      { problems },
    );
  }

  get summary(): { count: number; rows: readonly UnreadableRow[] } {
    return { count: this.count, rows: this.rows };
  }
}
