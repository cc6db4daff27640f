/**
 * A column's pages, checked before hyparquet decodes them. It takes the lengths in headers as they are, and reads one byte for ever
 * where one is missing (Parquet format, PageHeader and DataPageHeaderV2 of parquet.thrift).
 */
import type { SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { bitsOf, checkRuns } from './parquet-runs.js';

type Header = ReturnType<typeof parquetHeader>;

/** What the pages of a column chunk are decoded with. */
export interface Chunk {
  /** The pages, each behind its header. */
  readonly bytes: Uint8Array;
  /** Of the column; what stands behind them is not looked at. */
  readonly values: number;
  /** From the root of the schema to the column. */
  readonly path: SchemaTree[];
  /** Unpacks what is packed as the chunk is; as it is where the chunk is not packed. */
  unpack(bytes: Uint8Array, length: number): Uint8Array;
}

/** A length of the header by its name; anything but a whole number from 0 to `most` is broken. */
function check(name: string, value: unknown, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new RangeError(`a page header says ${name} ${String(value)}, expected a whole number from 0 to ${most}`);
}

const DICTIONARY: readonly (string | undefined)[] = ['PLAIN_DICTIONARY', 'RLE_DICTIONARY'];

/** Indices into a dictionary, behind a byte that says their width; or booleans, behind the length of their runs. */
function checkValues(page: Uint8Array, at: number, encoding: string | undefined, values: number): void {
  if (DICTIONARY.includes(encoding)) checkRuns(page, at + 1, page.length, page[at] ?? 0, values);
  else if (encoding === 'RLE') checkRuns(page, at + 4, page.length, 1, values);
}

/** Levels as pages of version 1 have them: behind their length. @returns where they end */
function checkLevels(page: Uint8Array, at: number, most: number, values: number): number {
  if (most === 0) return at;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const length = check('a length of levels', view.getUint32(at, true), page.length - at - 4);
  checkRuns(page, at + 4, at + 4 + length, bitsOf(most), values);
  return at + 4 + length;
}

function checkFirst(header: Header, body: Uint8Array, { path, unpack }: Chunk, values: number): void {
  const [repetition, definition] = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)];
  const { encoding } = header.data_page_header!;
  if (repetition + definition === 0 && encoding === 'PLAIN') return;
  const page = unpack(body, header.uncompressed_page_size);
  const at = checkLevels(page, checkLevels(page, 0, repetition, values), definition, values);
  checkValues(page, at, encoding, values);
}

function checkSecond(header: Header, body: Uint8Array, { path, unpack }: Chunk, values: number): void {
  const page = header.data_page_header_v2!;
  for (const name of ['num_rows', 'num_nulls'] as const) check(name, page[name], values);
  const repetition = check('repetition_levels_byte_length', page.repetition_levels_byte_length, body.length);
  const levels =
    repetition + check('definition_levels_byte_length', page.definition_levels_byte_length, body.length - repetition);
  checkRuns(body, 0, repetition, bitsOf(getMaxRepetitionLevel(path)), values);
  checkRuns(body, repetition, levels, bitsOf(getMaxDefinitionLevel(path)), values);
  if (!DICTIONARY.includes(page.encoding) && page.encoding !== 'RLE') return;
  const rest = body.subarray(levels);
  const packed = page.is_compressed !== false;
  checkValues(packed ? unpack(rest, header.uncompressed_page_size - levels) : rest, 0, page.encoding, values);
}

/** @throws RangeError naming the first length or run that cannot be, or when the last header is cut off; as `unpack` */
export function checkPages(chunk: Chunk): void {
  const { bytes, values } = chunk;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  for (let seen = 0; seen < values;) {
    const header = parquetHeader(reader);
    const size = check('compressed_page_size', header.compressed_page_size, bytes.length - reader.offset);
    check('uncompressed_page_size', header.uncompressed_page_size, 2 ** 31 - 1);
    const body = bytes.subarray(reader.offset, reader.offset + size);
    const { data_page_header: first, data_page_header_v2: second, dictionary_page_header: dictionary } = header;
    if (dictionary) check('num_values', dictionary.num_values, values);
    const own = second ?? first;
    const count = own ? check('num_values', own.num_values, values) : 0;
    if (header.type === 'DATA_PAGE' && first) checkFirst(header, body, chunk, count);
    if (header.type === 'DATA_PAGE_V2' && second) checkSecond(header, body, chunk, count);
    reader.offset += size;
    seen += count;
  }
}
