/** What the first rows of a text file say of all: names, index, columns, what is a truth value. */
import { DataError } from '../errors.js';
import { numberIn, truthIn, usualMissing, type Numerals } from './cells.js';
import { chooseColumns, targetNames, uniqueNames } from './columns.js';
import type { OpenOptions } from './options.js';
import type { TableFacts } from './table-rows.js';

export interface TextLayout extends TableFacts {
  /** Cells of a row. */
  readonly width: number;
  readonly header: boolean;
  readonly notes: readonly string[];
}

interface First {
  readonly path: string;
  readonly numerals: Numerals;
  readonly options: OpenOptions;
}

/** Names in a row: 0, 1, 2, ... as pandas numbers columns that have none. */
const counted = (cells: readonly string[]): boolean =>
  cells.length >= 3 && cells.every((cell, i) => cell.trim() === String(i));

/** A first row is a header when a cell other than the label's is no number, the label cell has a label's name, or it counts. */
function looksLikeHeader(cells: readonly string[], { numerals, options }: First): boolean {
  const { target, labelColumn, featureColumns, drop } = options;
  const wanted = target ?? labelColumn;
  const named = [wanted ?? []].flat().some((one) => typeof one === 'string');
  if (named || featureColumns || drop) return true;
  const label = [wanted ?? -1].flat()[0] as number;
  const at = label < 0 ? cells.length + label : label;
  const others = cells.filter((_, i) => i !== at);
  return (
    others.some(
      (cell) => !usualMissing.includes(cell.trim()) && numberIn(cell, numerals) === null && truthIn(cell) === null,
    ) ||
    targetNames.includes((cells[at] ?? '').trim().toLowerCase()) ||
    counted(cells) ||
    (cells[0]?.trim() === '' && counted(cells.slice(1))) ||
    (counted(others) && at === cells.length - 1)
  );
}

const isIndex = (cells: readonly string[], numerals: Numerals): boolean => {
  if (new Set(cells).size !== cells.length) return false;
  const numbers = cells.map((cell) => numberIn(cell, numerals));
  return numbers.every((n) => n === null) || numbers.every((n) => n !== null && Number.isInteger(n) && n >= 0);
};

interface Names {
  readonly names: string[];
  /** Places of columns that are left out. */
  readonly left: number[];
  readonly notes: string[];
}

/** Names of the columns as pandas gives them; a column that only counts or names the rows is left out, as is an empty last one. */
function namesOf(first: readonly string[], body: readonly (readonly string[])[], numerals: Numerals): Names {
  const width = body[0]?.length ?? first.length;
  const even = body.length > 0 && body.every((row) => row.length === width);
  const column = (at: number): string[] => body.map((row) => row[at] ?? '');
  const empty = (at: number): boolean => column(at).every((cell) => cell.trim() === '');
  if (even && width === first.length + 1) {
    if (empty(width - 1))
      return {
        names: [...uniqueNames(first), `Unnamed: ${width - 1}`],
        left: [width - 1],
        notes: ['left out, a last column without a name and without values'],
      };
    return {
      names: ['index', ...uniqueNames(first)],
      left: [0],
      notes: ['left out, the first column: the header has no name for it, so it is the index of the rows'],
    };
  }
  const names = uniqueNames(first);
  const last = first.length - 1;
  if (even && first[last]?.trim() === '' && empty(last))
    return { names, left: [last], notes: ['left out, a last column without a name and without values'] };
  if (even && body.length > 0 && first[0]?.trim() === '' && first.length > 1 && isIndex(column(0), numerals))
    return {
      names,
      left: [0],
      notes: ['left out, the first column: it has no name, and only counts or names the rows'],
    };
  return { names, left: [], notes: [] };
}

/** @throws DataError `missing-part` naming columns of text */
function refuseText(
  path: string,
  layout: Pick<TextLayout, 'names' | 'columns' | 'truths'>,
  text: readonly number[],
): void {
  const wrong = layout.columns.features.filter((at) => text.includes(at)).map((at) => layout.names[at] as string);
  if (wrong.length === 0) return;
  throw new DataError(
    'missing-part',
    `'${path}': expected columns of numbers, these hold text: ${wrong.join(', ')}; leave them out with drop, or name the others with featureColumns`,
    { problems: wrong },
  );
}

/**
 * @param shown the first rows of the file, decoded
 * @throws DataError `missing-part` for columns that do not exist or hold text
 */
export function layoutOfText(shown: readonly (readonly string[])[], first: First): TextLayout {
  const { path, numerals, options } = first;
  const cells = shown[0] ?? [];
  const header = options.header ?? looksLikeHeader(cells, first);
  const body = header ? shown.slice(1) : shown;
  const counting = cells.map((_, i) => String(i));
  const { names, left, notes } = header ? namesOf(cells, body, numerals) : { names: counting, left: [], notes: [] };
  const bare =
    !header && options.header === undefined
      ? ['the first row is numbers, and is taken for a sample; header: true would make names of it']
      : [];
  if (header && options.header === undefined && (counted(cells) || counted(cells.slice(1))))
    notes.push('the first row only counts, and is taken for the names of columns');
  const columns = chooseColumns(path, names, { ...options, header }, left);
  const missing = options.naValues ?? usualMissing;
  const kinds = names.map((_, at) => {
    const filled = body.map((row) => row[at] ?? '').filter((cell) => !missing.includes(cell.trim()));
    if (filled.length === 0) return 'number';
    if (filled.every((cell) => truthIn(cell) !== null)) return 'truth';
    return filled.every((cell) => numberIn(cell, numerals) === null) ? 'text' : 'number';
  });
  const placesOf = (kind: string): number[] => kinds.flatMap((own, at) => (own === kind ? [at] : []));
  const layout = { path, names, columns, numerals, truths: new Set(placesOf('truth')), header, width: names.length };
  // A single row shows too little: what is wrong with it is said as of any row.
  if (body.length > 1) refuseText(path, layout, placesOf('text'));
  return { ...layout, notes: [...notes, ...bare] };
}
