/** Numbers with a label column, streamed: a header row or none, comma, semicolon or tab. */
import { basename } from 'node:path';
import { defaultMaxBytes, openStream } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import { CsvSplitter, type CsvRow } from './csv-text.js';
import { GrowingFloats } from './grow.js';
import { indexLabels } from './labels.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';

/** Longest row that is read: a quote that is never closed must not take the whole file for one cell. */
const maxRow = 64 * 1024 * 1024;

/**
 * The rows of a file as they are read. Offsets are those of the content's bytes.
 * @throws DataError `malformed` for quotes without end and broken gzip, `too-large` for a row of more than 64 MiB
 */
async function* csvRows(path: string, delimiter?: string): AsyncGenerator<CsvRow> {
  const stream = await openStream(path);
  // One character for each byte, so that offsets are bytes; what is text is decoded cell by cell.
  stream.setEncoding('latin1');
  const splitter = new CsvSplitter(delimiter);
  let read = 0;
  let last = 0;
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      for (const row of splitter.push(chunk)) {
        last = row.end;
        yield row;
      }
      read += chunk.length;
      if (read - last > maxRow) throw new DataError('too-large', `'${path}' has a row of more than ${maxRow} bytes`);
    }
    yield* splitter.end();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('malformed', `'${path}' cannot be read: ${messageOf(cause)}`, { cause });
  } finally {
    stream.destroy();
  }
}

/** A cell as text, from the bytes that its characters are. */
export const cellText = (cell: string): string =>
  /[\u0080-\u00ff]/.test(cell) ? Buffer.from(cell, 'latin1').toString('utf8') : cell;

const isNumber = (cell: string): boolean => cell.trim() !== '' && Number.isFinite(Number(cell));

/** In order of precedence: a table with the columns x, y and label has its labels in the last. */
const labelNames = ['label', 'class', 'target', 'y'];

function findLabel(names: string[] | null, width: number, wanted: string | number | undefined, path: string): number {
  if (typeof wanted === 'string') {
    const at = names?.indexOf(wanted) ?? -1;
    if (at < 0) {
      throw new DataError(
        'missing-part',
        `'${path}' has no column '${wanted}'${names ? `; there are ${names.join(', ')}` : ', it has no header'}`,
      );
    }
    return at;
  }
  if (wanted === undefined) {
    const lower = names?.map((n) => n.trim().toLowerCase()) ?? [];
    const found = labelNames.find((name) => lower.includes(name));
    return found === undefined ? width - 1 : lower.indexOf(found);
  }
  const at = wanted < 0 ? width + wanted : wanted;
  if (!Number.isInteger(at) || at < 0 || at >= width)
    throw new DataError('missing-part', `'${path}' has ${width} columns, no column ${wanted}`);
  return at;
}

/** A first row is a header when a cell other than the label's is no number, or the label cell has a label's name. */
function looksLikeHeader(cells: string[], label: string | number | undefined): boolean {
  if (typeof label === 'string') return true;
  const at = label === undefined ? cells.length - 1 : label < 0 ? cells.length + label : label;
  return (
    cells.some((cell, i) => i !== at && !isNumber(cell)) || labelNames.includes((cells[at] ?? '').trim().toLowerCase())
  );
}

/** What the first row says of all: how wide they are, which cell is the label, and whether it is a header. */
export interface CsvLayout {
  readonly width: number;
  readonly label: number;
  readonly header: boolean;
}

/** @throws DataError `missing-part` when there is no label column */
function layoutOf(first: readonly string[], path: string, options: OpenOptions): CsvLayout {
  const cells = first.map(cellText);
  const header = options.header ?? looksLikeHeader(cells, options.labelColumn);
  const width = cells.length;
  if (width < 2) throw new DataError('missing-part', `'${path}' has one column; expected features and a label`);
  return { width, label: findLabel(header ? cells : null, width, options.labelColumn, path), header };
}

/** The features of a row: every cell but the label's. */
export const featuresOf = (cells: readonly string[], { label }: CsvLayout): number[] =>
  cells.filter((_, i) => i !== label).map((cell) => Number(cellText(cell)));

/**
 * Gives the rows that hold samples to `take`, with their labels; those that do not are counted.
 * @param file where the content lies, which `path` names to the user
 * @returns what the first row says of all
 * @throws DataError as `csvRows` and `layoutOf`; `unreadable-rows`, and `malformed` when no row holds a sample
 */
export async function eachCsvSample(
  file: string,
  path: string,
  { options, unreadable }: { options: OpenOptions; unreadable: UnreadableRows },
  take: (row: CsvRow, label: string, layout: CsvLayout) => void,
): Promise<CsvLayout> {
  let layout: CsvLayout | null = null;
  let count = 0;
  for await (const row of csvRows(file, options.delimiter)) {
    options.signal?.throwIfAborted();
    if (layout === null) {
      layout = layoutOf(row.cells, path, options);
      if (layout.header) continue;
    }
    const problem = rowProblem(row.cells, layout);
    if (problem) {
      unreadable.add(`row at line ${row.line}`, problem);
      continue;
    }
    count++;
    take(row, cellText(row.cells[layout.label] as string).trim(), layout);
  }
  unreadable.check();
  if (count === 0 || layout === null)
    throw new DataError('malformed', `'${basename(path)}' has no row of numbers and a label`);
  return layout;
}

export async function readCsv(path: string, options: OpenOptions): Promise<RawDataset> {
  const unreadable = new UnreadableRows(path, options.maxUnreadable);
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const x = new GrowingFloats();
  const found: string[] = [];
  const { width } = await eachCsvSample(path, path, { options, unreadable }, ({ cells }, label, layout) => {
    found.push(label);
    x.push(featuresOf(cells, layout));
    if (x.length * 4 > maxBytes) throw new DataError('too-large', `'${path}' needs more than ${maxBytes} bytes`);
  });
  const shape = [width - 1];
  return { kind: 'arrays', format: 'csv', x: x.take(), shape, ...indexLabels(found), unreadable: unreadable.summary };
}

/** What is wrong with a row, or null. */
function rowProblem(row: readonly string[], { width, label }: CsvLayout): string | null {
  if (row.length !== width) return `${row.length} cells, expected ${width}`;
  const cells = row.map(cellText);
  const bad = cells.flatMap((cell, i) =>
    i !== label && !isNumber(cell) ? [`cell ${i} is '${cell.slice(0, 40)}', expected a number`] : [],
  );
  if ((cells[label] as string).trim() === '') bad.push(`the label in cell ${label} is empty`);
  return bad.length > 0 ? bad.join(', ') : null;
}
