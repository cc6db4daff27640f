import type { DatasetFormat, Preprocess } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { UnreadableRow } from '../samples.js';
import type { WindowOptions } from '../windows.js';
import type { FileNames } from './file-names.js';
import type { TargetKind } from './target.js';
import type { TextEncoding } from './text-encoding.js';

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
  /** Text: the encoding; found when absent. */
  encoding?: TextEncoding;
  /** Text: what separates cells, `whitespace` for runs of spaces and tabs; found when absent. */
  delimiter?: string;
  /** Text: what stands before the fraction of a number; found when absent. */
  decimal?: '.' | ',';
  /** Text: what stands between groups of digits; nothing when absent. */
  thousands?: string;
  /** Text: a character from which on a row is a comment. When absent `#` is one at the beginning of lines, if the first begins so. */
  comment?: string;
  /** Tables: texts that stand for a missing value; those of pandas when absent. */
  naValues?: string[];
  /** Tables: the columns that are features; all but the target when absent. */
  featureColumns?: string[];
  /** Tables: columns that are neither features nor target. */
  drop?: string[];
  /**
   * Tables: the column that says what is right, a name or an index from 0, negative from the end; when absent one named label, class,
   * target or y, else the last. Several hold several numbers.
   */
  target?: string | number | (string | number)[];
  /** The same as `target`, of one column. */
  labelColumn?: string | number;
  /** Tables, NPZ, NPY: whether what is right is a class or a number; found when absent, or asked for. `none`: nothing is. */
  targetKind?: TargetKind;
  /**
   * NPZ, NPY, IDX: the axes of a stored sample. HWC is turned into CHW, CT into TC, as networks read them; when absent samples stay as
   * they are, and nothing is known of their axes.
   */
  layout?: 'CHW' | 'HWC' | 'TC' | 'CT';
  /** NPZ, NPY: arrays beside x and y that go into further inputs of a model, by the name of the input. */
  inputs?: Readonly<Record<string, string>>;
  /** Series: steps of every sample; the longest series' when absent. Longer series are unreadable, shorter ones padded. */
  steps?: number;
  /** Series: what stands after the end of a shorter series; 0 when absent. */
  padValue?: number;
  /**
   * What stands for a missing value: a number, or in series the channel's last one ('hold'). Without it a row with missing
   * values is unreadable.
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
