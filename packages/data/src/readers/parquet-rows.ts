/** Rows of Parquet files, a row group at a time. */
import type { Elements } from '../samples.js';
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
  readonly rows: readonly (Elements | string)[];
  readonly byteLength: number;
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : NaN;
}

const reasonOf = (value: unknown, { name }: Column): string =>
  value === null || value === undefined ? `'${name}' is missing` : `'${name}' is no number`;

function numericRow(values: readonly unknown[], columns: readonly Column[]): Float32Array | string {
  const row = Float32Array.from(values, numberOf);
  const bad = row.findIndex((value) => !Number.isFinite(value));
  return bad < 0 ? row : reasonOf(values[bad], columns[Math.min(bad, columns.length - 1)] as Column);
}

function bytesRow(value: unknown, column: Column): Uint8Array | string {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? bytes : `'${column.name}' has no bytes`;
}

async function readGroup(file: ParquetFile, group: number, { features }: Layout): Promise<Group> {
  const columns: ArrayLike<unknown>[] = [];
  for (const column of features) columns.push(await file.read(column, group));
  const [first] = features as [Column];
  const rows = Array.from({ length: file.groups[group] as number }, (_, i): Elements | string => {
    const value = columns[0]?.[i];
    if (first.kind === 'bytes') return bytesRow(value, first);
    if (first.kind !== 'numbers')
      return numericRow(
        columns.map((column) => column[i]),
        features,
      );
    return Array.isArray(value) || ArrayBuffer.isView(value)
      ? numericRow(Array.from(value as unknown as ArrayLike<unknown>), features)
      : reasonOf(null, first);
  });
  return { rows, byteLength: rows.reduce((n, row) => n + (typeof row === 'string' ? 0 : row.byteLength), 0) };
}

/** Reads rows by place; row groups that were read lately are kept, the last one in any case. */
export class ParquetRows {
  readonly #cache: ByteCache<Group>;
  #last: { chunk: number; group: Group } | null = null;

  constructor(
    private readonly chunks: readonly Chunk[],
    private readonly layout: Layout,
    cacheBytes: number,
  ) {
    this.#cache = new ByteCache(cacheBytes);
  }

  /** @returns the row's numbers or bytes, or what is wrong with it */
  async at(chunk: number, row: number): Promise<Elements | string> {
    if (this.#last?.chunk !== chunk) {
      const { file, group } = this.chunks[chunk] as Chunk;
      const found = this.#cache.get(chunk) ?? (await readGroup(file, group, this.layout));
      this.#cache.set(chunk, found);
      this.#last = { chunk, group: found };
    }
    return this.#last.group.rows[row] as Elements | string;
  }
}
