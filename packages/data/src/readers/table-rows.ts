/** Rows of cells to features and what is right: the last step of every format of rows. */
import { overflow, truthIn, usualMissing, numberIn, type Numerals } from './cells.js';
import type { Columns } from './columns.js';
import { GrowingFloats } from './grow.js';
import type { OpenOptions } from './options.js';
import { TargetColumn, type Truths } from './target.js';

/** A cell as it stands in a file: text of numbers and of anything else, or a value of a format that has types. */
export type Cell = string | number | boolean | null | undefined;

export interface TableFacts {
  readonly path: string;
  readonly names: readonly string[];
  readonly columns: Columns;
  readonly numerals: Numerals;
  /** Places of columns that hold True and False throughout. */
  readonly truths: ReadonlySet<number>;
  /** Whether the format says itself what is text: then a text is no number, and no missing value unless it is empty. */
  readonly typed?: boolean;
  /** See `TargetOptions`. */
  readonly positions?: boolean;
  /** Classes of the target in their order, where the file lists them. */
  readonly listed?: readonly string[] | undefined;
}

/** Turns rows into numbers. A pure function of the row, so that a row that is read again gives the same. */
export class RowReader {
  readonly #missing: ReadonlySet<string>;
  readonly #fill: number | undefined;

  constructor(
    private readonly facts: TableFacts,
    { missing, naValues }: Pick<OpenOptions, 'missing' | 'naValues'>,
  ) {
    this.#missing = new Set(naValues ?? usualMissing);
    this.#fill = missing === 'hold' ? undefined : missing;
  }

  get width(): number {
    return this.facts.columns.features.length;
  }

  isMissing(cell: Cell): boolean {
    if (cell === null || cell === undefined) return true;
    if (typeof cell === 'number') return Number.isNaN(cell);
    if (typeof cell !== 'string') return false;
    return this.facts.typed ? cell === '' : this.#missing.has(cell.trim());
  }

  number(cell: Cell): number | null {
    if (typeof cell === 'number') return cell;
    if (typeof cell === 'boolean') return cell ? 1 : 0;
    return typeof cell === 'string' && !this.facts.typed ? numberIn(cell, this.facts.numerals) : null;
  }

  /** @returns the features into `out`, how many of them were filled, and what is wrong with them */
  features(cells: readonly Cell[], out: Float32Array): { filled: number; problems: string[] } {
    const { columns, names, truths } = this.facts;
    const problems: string[] = [];
    let filled = 0;
    columns.features.forEach((at, i) => {
      const cell = cells[at];
      if (this.isMissing(cell)) {
        if (this.#fill === undefined) problems.push(`'${names[at]}' is missing`);
        else filled++;
        out[i] = this.#fill ?? NaN;
        return;
      }
      const value = truths.has(at) && typeof cell === 'string' ? truthIn(cell) : this.number(cell);
      if (value === null)
        problems.push(
          `'${names[at]}' is '${String(cell).slice(0, 40)}', expected ${truths.has(at) ? 'True or False' : 'a number'}`,
        );
      else {
        const infinite = overflow(value);
        if (infinite !== null) problems.push(`'${names[at]}': ${infinite}`);
      }
      out[i] = value ?? NaN;
    });
    return { filled, problems };
  }
}

/** A text such as NA may be meant: then another list of such texts is given. */
const missingLabel = (name: string, cell: Cell): string =>
  typeof cell === 'string' && cell.trim() !== ''
    ? `the label '${name}' is missing: '${cell}' stands for that, unless naValues says otherwise`
    : `the label '${name}' is missing`;

/** What is right of the rows, column by column. */
export class Targets {
  readonly #columns: readonly { at: number; column: TargetColumn }[];
  readonly #several: GrowingFloats | null;
  #count = 0;

  constructor(
    private readonly facts: TableFacts,
    private readonly reader: RowReader,
    kind: OpenOptions['targetKind'],
    classNames: readonly string[] | null = null,
  ) {
    const { columns, names, path, listed, positions } = facts;
    this.#several = columns.targets.length > 1 ? new GrowingFloats() : null;
    this.#columns = columns.targets.map((at) => ({
      at,
      column: new TargetColumn({
        ...{ path, name: `'${names[at]}'`, classNames, listed, positions },
        kind: this.#several ? 'number' : kind,
      }),
    }));
  }

  /** @returns what is wrong; nothing when the row was taken */
  add(cells: readonly Cell[]): string[] {
    const { names, truths } = this.facts;
    const values: number[] = [];
    const problems = this.#columns.flatMap(({ at }) =>
      this.reader.isMissing(cells[at]) ? [missingLabel(names[at] as string, cells[at])] : [],
    );
    if (problems.length > 0) return problems;
    for (const { at, column } of this.#columns) {
      const cell = cells[at];
      const truth = typeof cell === 'boolean' || (truths.has(at) && typeof cell === 'string');
      const value = truth ? null : this.reader.number(cell);
      const problem = column.add(typeof cell === 'boolean' ? (cell ? 'True' : 'False') : String(cell), value);
      if (problem !== null) return [problem];
      values.push(value ?? NaN);
    }
    this.#several?.push(values);
    this.#count++;
    return [];
  }

  finish(): Truths {
    const [first] = this.#columns;
    const none = { y: new Int32Array(this.#count).fill(-1), labels: [] };
    if (!first) return { ...none, notes: [] };
    if (this.#several) return { ...none, targets: this.#several.take(), notes: [] };
    return first.column.finish();
  }
}
