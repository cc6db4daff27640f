/** How a text file of rows and cells is written: found in its first rows, or given. What is not plain is asked for. */
import { DataError } from '../errors.js';
import { numberIn, type Numerals } from './cells.js';
import { CsvSplitter, type CsvRow, type Splitting } from './csv-text.js';

/** What may be said of a file instead of finding it out. */
export interface DialectOptions {
  /** Between cells: one character, or `whitespace` for runs of spaces and tabs. */
  delimiter?: string | undefined;
  /** What stands before the fraction of a number. */
  decimal?: '.' | ',' | undefined;
  /** What stands between groups of digits. */
  thousands?: string | undefined;
  /** A character from which on a row is a comment. */
  comment?: string | undefined;
}

export interface Dialect extends Splitting, Numerals {
  /** Bytes before the first row: a line `sep=;`. */
  readonly skip: number;
  readonly notes: readonly string[];
}

/** In order of precedence, where two cut a text equally well. */
const usualDelimiters = [',', ';', '\t', '|', 'whitespace'];

const delimiterNames: Readonly<Record<string, string>> = { '\t': 'a tab', whitespace: 'spaces' };
const nameOf = (delimiter: string): string => delimiterNames[delimiter] ?? `'${delimiter}'`;

/** So many rows show what the file is like. */
const SHOWN = 100;

/** Characters that are cut at a time, so that no more is cut than is looked at. */
const PIECE = 16_384;

/** The first rows of a text; without the last one where that may be cut off. */
export function rowsOf(text: string, splitting: Splitting, whole: boolean): CsvRow[] {
  const splitter = new CsvSplitter(splitting);
  const rows: CsvRow[] = [];
  for (let at = 0; at < text.length && rows.length < SHOWN; at += PIECE)
    rows.push(...splitter.push(text.slice(at, at + PIECE)));
  if (!whole || rows.length >= SHOWN) return rows.slice(0, SHOWN);
  try {
    rows.push(...splitter.end());
  } catch {
    // A quote without end is named when the file is read.
  }
  return rows;
}

interface Trial {
  readonly delimiter: string;
  /** Share of the rows that have as many cells as most do. */
  readonly alike: number;
  readonly width: number;
  /** Share of the cells that are numbers. */
  readonly numbers: number;
}

function tryDelimiter(text: string, splitting: Splitting, whole: boolean): Trial {
  const rows = rowsOf(text, splitting, whole);
  const widths = new Map<number, number>();
  for (const { cells } of rows) widths.set(cells.length, (widths.get(cells.length) ?? 0) + 1);
  const [width, count] = [...widths].sort((a, b) => b[1] - a[1])[0] ?? [0, 0];
  const cells = rows.flatMap((row) => row.cells);
  const decimals = splitting.delimiter === ',' ? (['.'] as const) : (['.', ','] as const);
  const numeric = cells.filter((cell) => decimals.some((decimal) => numberIn(cell, { decimal }) !== null)).length;
  return {
    delimiter: splitting.delimiter,
    alike: rows.length === 0 ? 0 : count / rows.length,
    width,
    numbers: cells.length === 0 ? 0 : numeric / cells.length,
  };
}

/** The delimiter that gives most rows the same number of cells, and most cells that are numbers. */
function findDelimiter(text: string, rest: Omit<Splitting, 'delimiter'>, whole: boolean): string {
  const trials = usualDelimiters.map((delimiter) => tryDelimiter(text, { ...rest, delimiter }, whole));
  const better = (a: Trial, b: Trial): Trial => {
    const [evenA, evenB] = [a.width >= 2 && a.alike >= 0.5, b.width >= 2 && b.alike >= 0.5];
    if (evenA !== evenB) return evenA ? a : b;
    if (Math.abs(a.alike - b.alike) > 0.2) return a.alike > b.alike ? a : b;
    if (a.numbers !== b.numbers) return a.numbers > b.numbers ? a : b;
    return b.width > a.width ? b : a;
  };
  const best = trials.reduce(better);
  return best.width >= 2 ? best.delimiter : ',';
}

const fraction = /^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$/;
const grouped = /^[+-]?[0-9]{1,3}(,[0-9]{3})+$/;

/** @throws DataError `undecided` where commas could separate thousands as well as fractions */
function findDecimal(path: string, cells: readonly string[]): '.' | ',' {
  const trimmed = cells.map((cell) => cell.trim());
  const commas = trimmed.filter((cell) => fraction.test(cell) || grouped.test(cell));
  if (commas.length === 0 || trimmed.some((cell) => /^[+-]?[0-9]*\.[0-9]+$/.test(cell))) return '.';
  if (commas.some((cell) => fraction.test(cell) && !grouped.test(cell))) return ',';
  throw new DataError(
    'undecided',
    `'${path}' has numbers such as '${commas[0]}': say decimal: ',' where the comma stands before a fraction, or thousands: ',' where it groups digits`,
  );
}

/**
 * @param head the first bytes of the file as latin1
 * @param whole whether that is all of it
 * @throws DataError `undecided` naming the option that decides
 */
export function findDialect(path: string, head: string, whole: boolean, given: DialectOptions): Dialect {
  const notes: string[] = [];
  const marked = head.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0;
  const sep = /^sep=(.)\r?\n/i.exec(head.slice(marked));
  const skip = sep ? marked + sep[0].length : 0;
  const text = head.slice(skip);
  if (sep) notes.push(`the first line says that ${nameOf(sep[1] as string)} separates cells`);
  const commented = /^\s*#/.test(text.slice(skip === 0 ? marked : 0));
  const comment = given.comment ?? (commented ? '#' : undefined);
  if (given.comment === undefined && commented)
    notes.push("lines that begin with # are left out as comments; comment: '#' would also end rows there");
  const rest = { comment, inlineComments: given.comment !== undefined };
  const delimiter = given.delimiter ?? sep?.[1] ?? findDelimiter(text, rest, whole);
  if (given.delimiter === undefined && !sep && delimiter !== ',')
    notes.push(`${nameOf(delimiter)} ${delimiter === 'whitespace' ? 'separate' : 'separates'} cells`);
  const cells = rowsOf(text, { ...rest, delimiter }, whole).flatMap((row) => row.cells);
  const { thousands } = given;
  const decimal = given.decimal ?? (delimiter === ',' || thousands === ',' ? '.' : findDecimal(path, cells));
  if (given.decimal === undefined && decimal === ',') notes.push('numbers have a decimal comma');
  return { ...rest, delimiter, decimal, thousands, skip, notes };
}
