/** Rows of stored arrays that hold values which are no numbers: nothing can be learnt or measured with them. */
import type { RowBlock } from '../stream/raw-source.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import { mapInputs, rowsAt, type Elements } from '../samples.js';
import type { RawDataset } from './raw.js';

/** The first element of a row that is NaN or infinite, in words; null when there is none. */
export function rowProblem(x: Elements, from: number, width: number): string | null {
  if (x instanceof Uint8Array) return null;
  for (let i = 0; i < width; i++) {
    const value = x[from + i] as number;
    if (!Number.isFinite(value)) return `element ${i} is ${value}`;
  }
  return null;
}

/** Which rows are left out of a stored array, each counted once however often it is read. */
export class FiniteRows {
  readonly #unreadable: UnreadableRows;
  readonly #broken = new Set<number>();
  readonly #fill: number | undefined;
  readonly #filled = new Map<number, number>();

  constructor(path: string, { maxUnreadable, missing }: OpenOptions) {
    this.#unreadable = new UnreadableRows(path, maxUnreadable);
    this.#fill = missing === 'hold' ? undefined : missing;
  }

  /** Missing values (NaN) that were filled, where they are. */
  get filled(): number | undefined {
    return this.#fill === undefined ? undefined : [...this.#filled.values()].reduce((a, b) => a + b, 0);
  }

  get summary(): UnreadableRows['summary'] {
    return this.#unreadable.summary;
  }

  check(): void {
    this.#unreadable.check();
  }

  /** The rows that can be used, of rows as they were read. */
  block(x: Elements, width: number, indices: ArrayLike<number>): RowBlock {
    const kept: number[] = [];
    for (let i = 0; i < indices.length; i++) {
      this.#fillRow(x, i * width, width, indices[i] as number);
      const problem = rowProblem(x, i * width, width);
      if (problem === null) kept.push(i);
      else this.#refuse(indices[i] as number, problem);
    }
    if (kept.length === indices.length) return { x };
    kept.forEach((from, to) => x.copyWithin(to * width, from * width, (from + 1) * width));
    return { x: x.subarray(0, kept.length * width), kept };
  }

  #fillRow(x: Elements, from: number, width: number, index: number): void {
    if (this.#fill === undefined || x instanceof Uint8Array) return;
    let count = 0;
    for (let i = from; i < from + width; i++) {
      if (!Number.isNaN(x[i])) continue;
      x[i] = this.#fill;
      count++;
    }
    if (count > 0) this.#filled.set(index, count);
  }

  #refuse(index: number, problem: string): void {
    if (this.#broken.has(index)) return;
    this.#broken.add(index);
    this.#unreadable.add(`sample ${index}`, problem);
  }
}

/**
 * A stored array without the rows that cannot be used.
 * @throws DataError `unreadable-rows`
 */
export function onlyFinite(raw: RawDataset, path: string, options: OpenOptions): RawDataset {
  const rows = new FiniteRows(path, options);
  const width = raw.shape.reduce((a, b) => a * b, 1);
  const { x, kept } = rows.block(
    raw.x,
    width,
    Uint32Array.from({ length: raw.y.length }, (_, i) => i),
  );
  rows.check();
  const { filled } = rows;
  const more = filled === undefined ? {} : { filled };
  if (!kept) return { ...raw, ...more };
  return {
    ...raw,
    ...more,
    x,
    y: Int32Array.from(kept, (i) => raw.y[i] as number),
    unreadable: rows.summary,
    ...(raw.targets && { targets: rowsAt(raw.targets, raw.targets.length / raw.y.length, kept) }),
    ...mapInputs(raw.inputs, (values, own) => rowsAt(values, own, kept)),
    ...(raw.parts && { parts: kept.map((i) => raw.parts?.[i] ?? 'train') }),
  };
}
