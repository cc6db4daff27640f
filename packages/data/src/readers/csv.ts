/** Rows of numbers and what is right of them, streamed: how the file is written is found in its first rows, or given. */
import { basename } from 'node:path';
import { pipeline } from 'node:stream';
import { defaultMaxBytes, headOf, openStream } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import { layoutOfText, type TextLayout } from './csv-layout.js';
import { CsvSplitter, type CsvRow } from './csv-text.js';
import { findDialect, rowsOf, type Dialect } from './dialect.js';
import { GrowingFloats } from './grow.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';
import { RowReader, Targets } from './table-rows.js';
import type { Truths } from './target.js';
import { CellText, fromUtf16, markedEncoding } from './text-encoding.js';

/** Longest row that is read: a quote that is never closed must not take the whole file for one cell. */
const maxRow = 64 * 1024 * 1024;

/** Bytes in which the first rows are looked for; where a row is longer than the first, the second. */
const shownBytes = [1024 * 1024, maxRow];

/** UTF-16 that a file is written in; null where it is not. */
export async function utf16Of(path: string, { encoding }: OpenOptions): Promise<'utf-16le' | 'utf-16be' | null> {
  if (encoding !== undefined) return encoding === 'utf-16le' || encoding === 'utf-16be' ? encoding : null;
  return markedEncoding(await headOf(path, 2));
}

/** How a text file is written, what its columns are, and how its rows become numbers. */
export class CsvReading {
  private constructor(
    readonly dialect: Dialect,
    readonly layout: TextLayout,
    readonly reader: RowReader,
    private readonly text: CellText,
    readonly utf16: 'utf-16le' | 'utf-16be' | null,
  ) {}

  /**
   * @param file where the content lies, which `path` names to the user
   * @throws DataError `missing-part`, `undecided`, `malformed` for a file without rows
   */
  static async open(file: string, path: string, options: OpenOptions): Promise<CsvReading> {
    const utf16 = await utf16Of(file, options);
    const text = new CellText(path, options.encoding);
    for (const size of shownBytes) {
      const { head, whole } = await headText(file, path, size, utf16);
      const dialect = findDialect(path, head, whole, options);
      const rows = rowsOf(head.slice(dialect.skip), dialect, whole);
      const shown = rows.map(({ cells }) => cells.map((cell) => text.decode(cell)));
      if (shown.length > 0) {
        const layout = layoutOfText(shown, { path, numerals: dialect, options });
        return new CsvReading(dialect, layout, new RowReader(layout, options), text, utf16);
      }
      if (whole) throw new DataError('malformed', `'${basename(path)}' has no row of numbers and a label`);
    }
    throw new DataError('too-large', `'${path}' has a row of more than ${maxRow} bytes`);
  }

  get notes(): string[] {
    return [...this.dialect.notes, ...this.layout.notes, ...this.text.notes];
  }

  /** The cells of a row that was read by itself. */
  cellsOf(row: CsvRow): string[] {
    return row.cells.map((cell) => this.text.decode(cell));
  }

  /**
   * The rows of a file as they are read. Offsets are those of the content's bytes.
   * @throws DataError `malformed` for quotes without end and broken gzip, `too-large` for a row of more than 64 MiB
   */
  async *rows(file: string, path: string): AsyncGenerator<CsvRow> {
    const plain = await openStream(file);
    // The pipeline destroys both ends; the reader sees the error on the decoded end.
    const stream = this.utf16 ? pipeline(plain, fromUtf16(this.utf16), () => undefined) : plain;
    // One character for each byte, so that offsets are bytes; what is text is decoded cell by cell.
    stream.setEncoding('latin1');
    const splitter = new CsvSplitter(this.dialect);
    const { skip } = this.dialect;
    let skipped = 0;
    let read = 0;
    let last = 0;
    const moved = ({ line, start, end, cells }: CsvRow): CsvRow => {
      last = end;
      return { line: line + (skip > 0 ? 1 : 0), start: start + skip, end: end + skip, cells };
    };
    try {
      for await (const chunk of stream as AsyncIterable<string>) {
        const from = Math.min(skip - skipped, chunk.length);
        skipped += from;
        for (const row of splitter.push(chunk.slice(from))) yield moved(row);
        read += chunk.length - from;
        if (read - last > maxRow) throw new DataError('too-large', `'${path}' has a row of more than ${maxRow} bytes`);
      }
      for (const row of splitter.end()) yield moved(row);
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw new DataError('malformed', `'${path}' cannot be read: ${messageOf(cause)}`, { cause });
    } finally {
      stream.destroy();
    }
  }
}

interface Head {
  /** One character for each byte of UTF-8 or of what the file is written in. */
  readonly head: string;
  /** Whether that is all of the file. */
  readonly whole: boolean;
}

async function headText(file: string, path: string, size: number, utf16: CsvReading['utf16']): Promise<Head> {
  const bytes = await headOf(file, size);
  const whole = bytes.length < size;
  if (utf16) {
    const even = bytes.subarray(0, bytes.length - (bytes.length % 2));
    return { head: Buffer.from(new TextDecoder(utf16).decode(even)).toString('latin1'), whole };
  }
  const head = Buffer.from(bytes).toString('latin1');
  if (head.slice(0, 1000).includes('\0'))
    throw new DataError(
      'malformed',
      `'${path}' holds zero bytes: it is no text, or UTF-16 without a mark (encoding: utf-16le)`,
    );
  return { head, whole };
}

/** A row's features, how many of them were filled, and where the row lies. */
export type TakeRow = (x: Float32Array, filled: number, row: CsvRow) => void;

/**
 * Gives the rows that hold samples to `take`; those that do not are counted.
 * @param file where the content lies, which `path` names to the user
 * @returns what is right of them
 * @throws DataError as `CsvReading`; `unreadable-rows`, `undecided`, and `malformed` when no row holds a sample
 */
export async function eachCsvSample(
  reading: CsvReading,
  file: string,
  path: string,
  { options, unreadable }: { options: OpenOptions; unreadable: UnreadableRows },
  take: TakeRow,
): Promise<Truths> {
  const { layout, reader } = reading;
  const targets = new Targets(layout, reader, options.targetKind);
  const x = new Float32Array(reader.width);
  let header = layout.header;
  let count = 0;
  for await (const row of reading.rows(file, path)) {
    options.signal?.throwIfAborted();
    if (header) {
      header = false;
      continue;
    }
    const cells = reading.cellsOf(row);
    const { filled, problems } =
      cells.length === layout.width
        ? reader.features(cells, x)
        : { filled: 0, problems: [`${cells.length} cells, expected ${layout.width}`] };
    if (problems.length === 0) problems.push(...targets.add(cells));
    if (problems.length > 0) {
      unreadable.add(`row at line ${row.line}`, problems.join(', '));
      continue;
    }
    count++;
    take(x, filled, row);
  }
  unreadable.check();
  if (count === 0) throw new DataError('malformed', `'${basename(path)}' has no row of numbers and a label`);
  return targets.finish();
}

export async function readCsv(path: string, options: OpenOptions): Promise<RawDataset> {
  const unreadable = new UnreadableRows(path, options.maxUnreadable);
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const reading = await CsvReading.open(path, path, options);
  const all = new GrowingFloats();
  let filled = 0;
  const { notes, ...truths } = await eachCsvSample(reading, path, path, { options, unreadable }, (x, more) => {
    filled += more;
    all.push(x);
    if (all.length * 4 > maxBytes) throw new DataError('too-large', `'${path}' needs more than ${maxBytes} bytes`);
  });
  const shape = [reading.reader.width];
  return {
    ...{ kind: 'arrays', format: 'csv', x: all.take(), shape, ...truths, filled },
    ...{ notes: [...reading.notes, ...notes], unreadable: unreadable.summary },
  };
}
