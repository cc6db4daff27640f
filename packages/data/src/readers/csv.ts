/** Numbers with a label column, streamed: RFC 4180 quoting, a header row or none, comma, semicolon or tab. */
import { basename } from 'node:path';
import { openStream } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import { GrowingFloats } from './grow.js';
import { indexLabels } from './labels.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';

interface Row {
  line: number;
  cells: string[];
}

/** Splits a stream of text into rows; a quoted cell may hold separators, doubled quotes and line breaks. */
export async function* csvRows(chunks: AsyncIterable<string>, delimiter?: string): AsyncGenerator<Row> {
  let separator = delimiter;
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let afterQuote = false;
  let line = 1;
  let started = 1;
  for await (const chunk of chunks) {
    separator ??= guessDelimiter(chunk);
    for (const ch of chunk) {
      if (ch === '\n') line++;
      if (quoted) {
        if (ch === '"') {
          quoted = false;
          afterQuote = true;
        } else cell += ch;
        continue;
      }
      if (ch === '"' && (cell === '' || afterQuote)) {
        if (afterQuote) cell += '"';
        quoted = true;
        afterQuote = false;
        continue;
      }
      afterQuote = false;
      if (ch === separator) {
        cells.push(cell);
        cell = '';
      } else if (ch === '\n') {
        cells.push(cell.endsWith('\r') ? cell.slice(0, -1) : cell);
        if (cells.length > 1 || cells[0] !== '') yield { line: started, cells };
        cells = [];
        cell = '';
        started = line;
      } else if (ch !== '\ufeff') cell += ch;
    }
  }
  if (quoted) throw new DataError('malformed', `the quoted cell that begins in row ${started} does not end`);
  if (cell !== '' || cells.length > 0) yield { line: started, cells: [...cells, cell] };
}

function guessDelimiter(text: string): string {
  const head = text.slice(0, Math.max(0, text.indexOf('\n')) || text.length);
  const counts = [',', ';', '\t'].map((d) => ({ d, n: head.split(d).length }));
  return counts.reduce((best, c) => (c.n > best.n ? c : best)).d;
}

const isNumber = (cell: string): boolean => cell.trim() !== '' && !Number.isNaN(Number(cell));

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

export async function readCsv(path: string, options: OpenOptions): Promise<RawDataset> {
  const stream = await openStream(path);
  stream.setEncoding('utf8');
  const unreadable = new UnreadableRows(path, options.maxUnreadable);
  const x = new GrowingFloats();
  const found: string[] = [];
  let width = 0;
  let label = 0;
  try {
    for await (const { line, cells } of csvRows(stream as AsyncIterable<string>, options.delimiter)) {
      options.signal?.throwIfAborted();
      if (width === 0) {
        const header = options.header ?? looksLikeHeader(cells, options.labelColumn);
        width = cells.length;
        if (width < 2) throw new DataError('missing-part', `'${path}' has one column; expected features and a label`);
        label = findLabel(header ? cells : null, width, options.labelColumn, path);
        if (header) continue;
      }
      const problem = rowProblem(cells, width, label);
      if (problem) {
        unreadable.add(`row at line ${line}`, problem);
        continue;
      }
      found.push((cells[label] as string).trim());
      x.push(cells.filter((_, i) => i !== label).map(Number));
      if (options.maxBytes !== undefined && x.length * 4 > options.maxBytes) {
        throw new DataError('too-large', `'${path}' needs more than ${options.maxBytes} bytes`);
      }
    }
  } catch (cause) {
    stream.destroy();
    if (cause instanceof DataError || options.signal?.aborted) throw cause;
    throw new DataError('malformed', `'${path}' cannot be read: ${messageOf(cause)}`, { cause });
  }
  unreadable.check();
  if (found.length === 0) throw new DataError('malformed', `'${basename(path)}' has no row of numbers and a label`);
  const { y, labels } = indexLabels(found);
  return { kind: 'arrays', format: 'csv', x: x.take(), shape: [width - 1], y, labels, unreadable: unreadable.summary };
}

function rowProblem(cells: string[], width: number, label: number): string | null {
  if (cells.length !== width) return `${cells.length} cells, expected ${width}`;
  const bad = cells.flatMap((cell, i) =>
    i !== label && !isNumber(cell) ? [`cell ${i} is '${cell.slice(0, 40)}', expected a number`] : [],
  );
  if ((cells[label] as string).trim() === '') bad.push(`the label in cell ${label} is empty`);
  return bad.length > 0 ? bad.join(', ') : null;
}
