/** What is right of each sample: a class of several, or a number. A number is not taken for a class unless it looks like one. */
import { DataError } from '../errors.js';
import { overflow } from './cells.js';
import { GrowingNumbers } from './grow.js';
import { gapNotes, indexLabels, numberedLabels } from './labels.js';

/** `none`: nothing is right of the samples, all columns are features. */
export type TargetKind = 'class' | 'number' | 'none';

export interface Truths {
  /** Class of each sample; -1 throughout where it has a number. */
  readonly y: Int32Array;
  readonly labels: string[];
  readonly targets?: Float32Array;
  readonly notes: readonly string[];
}

export interface WholeNumbers {
  readonly rows: number;
  readonly distinct: number;
  readonly least: number;
  readonly most: number;
}

/** So many different whole numbers may be classes without more being known. */
const FEW = 20;

/**
 * Whether whole numbers are classes: few that come again and again, or positions 0, 1, 2, ... They are numbers where they are many
 * and far between.
 * @returns null where both could be
 */
export function kindOfWholes({ rows, distinct, least, most }: WholeNumbers): 'class' | 'number' | null {
  const range = most - least + 1;
  const dense = (least === 0 || least === 1) && distinct === range;
  if (distinct <= 2 || (distinct <= FEW && (dense || 2 * distinct <= rows))) return 'class';
  if (distinct <= FEW) return null;
  return least >= 0 && distinct >= 0.8 * range && rows >= 10 * distinct ? null : 'number';
}

/** The error that asks what a target is. */
export function undecided(path: string, name: string, { rows, distinct, least, most }: WholeNumbers): DataError {
  return new DataError(
    'undecided',
    `'${path}': is ${name} a class or a number? It holds ${distinct} different whole numbers from ${least} to ${most} in ${rows} samples; ` +
      `say targetKind: class, or targetKind: number`,
  );
}

/** Most classes that are told apart. */
const maxClasses = 65_536;

/** `1` and `1.0` are one class where all are numbers; whole numbers that are not exact stay as they were written. */
function nameOf(text: string, value: number): string {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return text;
  return String(value === 0 ? 0 : value);
}

export interface TargetOptions {
  /** Whose content it is, for messages. */
  readonly path: string;
  readonly name: string;
  readonly kind?: TargetKind | undefined;
  /** Names of the classes 0, 1, 2, ..., where the file has them. */
  readonly classNames?: readonly string[] | null;
  /** Whether whole numbers are positions, so that classes without a sample keep theirs. */
  readonly positions?: boolean | undefined;
  /** Classes in their order, where the file lists them. */
  readonly listed?: readonly string[] | undefined;
}

/** Collects a column of classes or numbers, row by row. */
export class TargetColumn {
  readonly #seen = new Map<string, number>();
  /** The numbers that the texts are, in their order. */
  readonly #numbers: number[] = [];
  readonly #rows = new GrowingNumbers();
  readonly #values = new GrowingNumbers();
  #count = 0;
  #numeric = true;
  #whole = true;
  /** Too many different values to be classes. */
  #many = false;
  #spaced: string | undefined;

  constructor(private readonly options: TargetOptions) {}

  /**
   * @param text as it stands there
   * @param value the number that it is, null where it is none
   * @returns what is wrong with it, or null when it was taken
   */
  add(text: string, value: number | null): string | null {
    const { name, kind } = this.options;
    if (kind === 'number' && value === null) return `the target ${name} is '${text.slice(0, 40)}', expected a number`;
    const infinite = value === null ? null : overflow(value);
    if (infinite !== null) return `the target ${name}: ${infinite}`;
    this.#numeric &&= value !== null;
    this.#whole &&= value !== null && Number.isInteger(value);
    const label = text.trim();
    if (label !== text) this.#spaced ??= text;
    if (!this.#many && kind !== 'number') this.#rows.push(this.#indexOf(label, value ?? NaN));
    this.#values.push(value ?? NaN);
    this.#count++;
    return null;
  }

  #indexOf(label: string, value: number): number {
    let index = this.#seen.get(label);
    if (index === undefined) {
      this.#seen.set(label, (index = this.#seen.size));
      this.#numbers.push(value);
      if (this.#seen.size > maxClasses) this.#tooMany();
    }
    return index;
  }

  #tooMany(): void {
    const { path, name, kind } = this.options;
    if (kind === 'class' || !this.#numeric)
      throw new DataError('too-large', `'${path}': ${name} has more than ${maxClasses} different classes`);
    this.#many = true;
  }

  #kind(): 'class' | 'number' {
    const { kind, classNames, listed, path, name } = this.options;
    if (kind === 'number' || kind === 'class') return kind;
    if (!this.#numeric) {
      if (this.#many)
        throw new DataError(
          'malformed',
          `'${path}': ${name} holds more than ${maxClasses} different numbers, and text`,
        );
      return 'class';
    }
    if (classNames || listed) return 'class';
    if (this.#many || !this.#whole) return 'number';
    const facts = this.#facts();
    const found = kindOfWholes(facts);
    if (found === null) throw undecided(path, name, facts);
    return found;
  }

  #facts(): WholeNumbers {
    const distinct = new Set(this.#numbers).size;
    const extreme = (of: (a: number, b: number) => number): number => this.#numbers.reduce((a, b) => of(a, b));
    return { rows: this.#count, distinct, least: extreme(Math.min), most: extreme(Math.max) };
  }

  /** @throws DataError `undecided` where whole numbers could be classes or numbers */
  finish(): Truths {
    const { name, kind, classNames, listed } = this.options;
    if (this.#count > 0 && this.#kind() === 'number') {
      const said =
        kind === undefined ? [`${name} is taken for a number; targetKind: class would make classes of it`] : [];
      return {
        y: new Int32Array(this.#count).fill(-1),
        labels: [],
        targets: Float32Array.from(this.#values.take()),
        notes: said,
      };
    }
    const found = [...this.#seen.keys()];
    const { y: order, labels } = this.#ordered(found, classNames, listed);
    const notes: string[] = [];
    if (this.#numeric && kind === undefined && !classNames && !listed)
      notes.push(
        `${name}: ${labels.length} whole numbers are taken for classes; targetKind: number would learn them as numbers`,
      );
    if (this.#spaced !== undefined)
      notes.push(`${name}: spaces around the names of classes are left out, as of '${this.#spaced}'`);
    if (this.options.positions && !classNames) notes.push(...gapNotes(order));
    return { y: Int32Array.from(this.#rows.take(), (seen) => order[seen] as number), labels, notes };
  }

  #ordered(found: readonly string[], classNames: TargetOptions['classNames'], listed: TargetOptions['listed']) {
    if (listed) return { y: Int32Array.from(found, (text) => listed.indexOf(text)), labels: [...listed] };
    const positions = this.#numbers;
    const positioned = classNames && positions.every((p) => Number.isInteger(p) && p >= 0 && p < classNames.length);
    const y = Int32Array.from(positions);
    if (positioned) return { y, labels: [...classNames] };
    if (this.options.positions && this.#whole && positions.every((p) => p >= 0 && p < maxClasses))
      return { y, labels: numberedLabels(y) };
    return indexLabels(this.#numeric ? found.map((text, i) => nameOf(text, positions[i] as number)) : found);
  }
}
