/** Rows of Parquet files, a row group at a time. */
import type { Elements } from '../samples.js';
import { overflow } from './cells.js';
import { ByteCache } from '../stream/cache.js';
import type { Layout } from './parquet-columns.js';
import type { Column, ParquetFile } from './parquet-file.js';

/** A row group of one of the files. */
export interface Chunk {
  readonly file: ParquetFile;
  readonly group: number;
}

/** A row group's samples: numbers or encoded bytes, or what is wrong with a row. */
interface Group {
  at(row: number): Elements | string;
  /** Missing values of a row that were filled. */
  filled(row: number): number;
  readonly byteLength: number;
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : NaN;
}

const reasonOf = (value: unknown, { name }: Column): string => {
  if (value === null || value === undefined || Number.isNaN(value)) return `'${name}' is missing`;
  const number = numberOf(value);
  return `'${name}': ${(Number.isNaN(number) ? null : overflow(number)) ?? 'expected a number'}`;
};

const isMissing = (value: unknown): boolean => value === null || value === undefined || Number.isNaN(value);

/** Columns of numbers to one matrix [rows, columns], a column at a time. */
async function numericGroup(
  file: ParquetFile,
  group: number,
  columns: readonly Column[],
  fill: number | undefined,
): Promise<Group> {
  const rows = file.groups[group] as number;
  const width = columns.length;
  const matrix = new Float32Array(rows * width);
  const filled = new Uint32Array(rows);
  const problems = new Map<number, string>();
  for (const [c, column] of columns.entries()) {
    const values = await file.read(column, group);
    for (let row = 0; row < rows; row++) {
      const missing = fill !== undefined && isMissing(values[row]);
      if (missing) filled[row]!++;
      matrix[row * width + c] = missing ? fill : numberOf(values[row]);
      if (!Number.isFinite(matrix[row * width + c]) && !problems.has(row))
        problems.set(row, reasonOf(values[row], column));
    }
  }
  return {
    at: (row) => problems.get(row) ?? matrix.subarray(row * width, (row + 1) * width),
    filled: (row) => filled[row] as number,
    byteLength: matrix.byteLength + filled.byteLength,
  };
}

function listRow(value: unknown, column: Column): Float32Array | string {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return reasonOf(null, column);
  const items = Array.from(value as ArrayLike<unknown>);
  const row = Float32Array.from(items, numberOf);
  const bad = row.findIndex((item) => !Number.isFinite(item));
  return bad < 0 ? row : reasonOf(items[bad], column);
}

function bytesRow(value: unknown, column: Column): Uint8Array | string {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? bytes : `'${column.name}' has no bytes`;
}

async function readGroup(file: ParquetFile, group: number, { features }: Layout, fill?: number): Promise<Group> {
  const [first] = features as readonly [Column];
  if (first.kind === 'number') return numericGroup(file, group, features, fill);
  const rowOf = first.kind === 'bytes' ? bytesRow : listRow;
  const rows = Array.from(await file.read(first, group), (value) => rowOf(value, first));
  return {
    at: (row) => rows[row] as Elements | string,
    filled: () => 0,
    byteLength: rows.reduce((n, row) => n + (typeof row === 'string' ? 0 : row.byteLength), 0),
  };
}

/** Reads rows by place; row groups that were read lately are kept, the last one in any case. */
export class ParquetRows {
  readonly #cache: ByteCache<Group>;
  #last: { chunk: number; group: Group } | null = null;

  constructor(
    private readonly chunks: readonly Chunk[],
    private readonly layout: Layout,
    cacheBytes: number,
    /** What stands for a missing number. */
    private readonly fill?: number,
  ) {
    this.#cache = new ByteCache(cacheBytes);
  }

  /** @returns the row's numbers or bytes, or what is wrong with it */
  async at(chunk: number, row: number): Promise<{ values: Elements | string; filled: number }> {
    if (this.#last?.chunk !== chunk) {
      const { file, group } = this.chunks[chunk] as Chunk;
      const found = this.#cache.get(chunk) ?? (await readGroup(file, group, this.layout, this.fill));
      this.#cache.set(chunk, found);
      this.#last = { chunk, group: found };
    }
    const { group: own } = this.#last;
    return { values: own.at(row), filled: own.filled(row) };
  }
}
