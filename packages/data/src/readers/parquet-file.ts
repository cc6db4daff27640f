/** A Parquet file, column by column and row group by row group; hyparquet decodes, and is loaded when it is needed. */
import type { AsyncBuffer, Compressors, FileMetaData, ParquetScan, SchemaTree } from 'hyparquet';
import { DataError, messageOf } from '../errors.js';
import { PositionalFile } from '../stream/file.js';

/** What a column holds, as far as samples are concerned. */
export type ColumnKind = 'number' | 'numbers' | 'text' | 'bytes' | 'other';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

const numberTypes = ['BOOLEAN', 'INT32', 'INT64', 'FLOAT', 'DOUBLE'];

function kindOf({ element, children }: SchemaTree): ColumnKind {
  const logical = element.logical_type?.type;
  if (children.length > 0) {
    // Hugging Face's images and recordings: {bytes, path}.
    if (children.some((child) => child.element.name === 'bytes' && child.element.type === 'BYTE_ARRAY')) return 'bytes';
    const isList = logical === 'LIST' || element.converted_type === 'LIST';
    const item = children[0]?.children[0] ?? children[0];
    return isList && item?.children.length === 0 && kindOf(item) === 'number' ? 'numbers' : 'other';
  }
  const dated = ['DATE', 'TIME', 'TIMESTAMP', 'DECIMAL', 'INTERVAL'];
  if (dated.some((name) => logical === name || element.converted_type?.startsWith(name))) return 'other';
  if (logical === 'FLOAT16' || numberTypes.includes(element.type ?? '')) return 'number';
  if (element.type !== 'BYTE_ARRAY') return 'other';
  return logical === 'STRING' || logical === 'ENUM' || element.converted_type === 'UTF8' ? 'text' : 'bytes';
}

/** Decompressors that do not unpack more than `maxBytes`, whatever a page says of itself. */
function bounded(compressors: Compressors, maxBytes: number): Compressors {
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (input: Uint8Array, length: number) => {
        if (!(length <= maxBytes))
          throw new DataError('too-large', `a page of ${length} bytes, the limit is ${maxBytes}`);
        return unpack(input, length);
      },
    ]),
  );
}

export class ParquetFile {
  private constructor(
    readonly path: string,
    readonly columns: readonly Column[],
    /** Rows of each row group. */
    readonly groups: readonly number[],
    /** Texts that whoever wrote the file left in it. */
    readonly notes: ReadonlyMap<string, string>,
    private readonly file: PositionalFile,
    private readonly metadata: FileMetaData,
    private readonly compressors: Compressors,
    private readonly scan: (column: string, utf8: boolean) => Promise<ParquetScan>,
  ) {}

  /** @throws DataError `not-found`, `malformed`, `too-large` when a row group has more values or bytes than `maxBytes` */
  static async open(path: string, maxBytes: number): Promise<ParquetFile> {
    const file = await PositionalFile.open(path);
    try {
      const { parquetMetadataAsync, parquetScan, parquetSchema } = await import('hyparquet');
      const { compressors } = await import('hyparquet-compressors');
      const buffer: AsyncBuffer = {
        byteLength: file.size,
        slice: async (start, end = file.size) => {
          const bytes = await file.read(start, Math.max(0, end - start));
          return bytes.buffer as ArrayBuffer;
        },
      };
      const metadata = await parquetMetadataAsync(buffer);
      checkMetadata(metadata, path, maxBytes);
      const options = { file: buffer, metadata, compressors: bounded(compressors, maxBytes) };
      return new ParquetFile(
        path,
        parquetSchema(metadata).children.map((child) => ({ name: child.element.name, kind: kindOf(child) })),
        metadata.row_groups.map((group) => Number(group.num_rows)),
        new Map((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''])),
        file,
        metadata,
        options.compressors,
        // A scan remembers what it decoded; one for each column read leaves nothing behind.
        (column, utf8) => parquetScan({ ...options, columns: [column], utf8, useOffsetIndex: false }),
      );
    } catch (cause) {
      await file.close();
      if (cause instanceof DataError) throw cause;
      throw new DataError('malformed', `'${path}' is no readable Parquet: ${messageOf(cause)}`, { cause });
    }
  }

  /**
   * The values of a column in a row group.
   * @throws DataError `malformed` when they cannot be decoded, or are more or fewer than the group has rows
   */
  async read({ name, kind }: Column, group: number): Promise<ArrayLike<unknown>> {
    const rowStart = this.groups.slice(0, group).reduce((a, b) => a + b, 0);
    const rows = this.groups[group] as number;
    let values: ArrayLike<unknown>;
    try {
      await this.#checkPages(name, group);
      const scan = await this.scan(name, kind !== 'bytes');
      values = (await scan.readColumn({ column: name, rowStart, rowEnd: rowStart + rows })) as ArrayLike<unknown>;
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      const message = `'${this.path}': column '${name}' cannot be decoded: ${messageOf(cause)}`;
      throw new DataError('malformed', message, { cause });
    }
    if (values.length !== rows)
      throw new DataError('malformed', `'${this.path}': column '${name}' has ${values.length} values for ${rows} rows`);
    return values;
  }

  /** @throws RangeError, and DataError `malformed` where the file ends before a chunk does */
  async #checkPages(name: string, group: number): Promise<void> {
    const { checkPages } = await import('./parquet-pages.js');
    const { decompressPage } = await import('hyparquet/src/datapage.js');
    const { getSchemaPath } = await import('hyparquet/src/schema.js');
    for (const { meta_data: column } of this.metadata.row_groups[group]!.columns) {
      if (column?.path_in_schema[0] !== name) continue;
      const { dictionary_page_offset: dictionary, data_page_offset: data, total_compressed_size: bytes } = column;
      const start = dictionary || data;
      const size = BigInt(this.file.size);
      if (!(start >= 0n && bytes >= 0n && start + bytes <= size))
        throw new RangeError(`its pages lie at ${start} to ${start + bytes} of a file of ${size} bytes`);
      checkPages({
        bytes: await this.file.read(Number(start), Number(bytes)),
        values: Number(column.num_values),
        path: getSchemaPath(this.metadata.schema, column.path_in_schema),
        unpack: (packed, length) => decompressPage(packed, length, column.codec, this.compressors),
      });
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function checkMetadata(metadata: FileMetaData, path: string, maxBytes: number): void {
  const broken = (why: string): never => {
    throw new DataError('malformed', `'${path}' is no readable Parquet: ${why}`);
  };
  if (!Array.isArray(metadata.row_groups) || !Array.isArray(metadata.schema)) broken('its footer lists no row groups');
  for (const [i, group] of metadata.row_groups.entries()) {
    if (typeof group?.num_rows !== 'bigint' || !Array.isArray(group.columns)) broken(`row group ${i} is broken`);
    for (const { meta_data: column } of group.columns) {
      if (!column || typeof column.num_values !== 'bigint' || !Array.isArray(column.path_in_schema))
        return broken(`row group ${i} has a column without description`);
      // As tensors, a value takes a byte at least: what runs of equal values unpack to is bounded too.
      const sizes = [column.num_values, column.total_uncompressed_size, group.num_rows];
      if (sizes.some((size) => !(size >= 0n && size <= BigInt(maxBytes)))) {
        throw new DataError(
          'too-large',
          `'${path}': row group ${i} has ${column.num_values} values in ${column.total_uncompressed_size} bytes of '${column.path_in_schema.join('.')}'`,
        );
      }
    }
  }
}
