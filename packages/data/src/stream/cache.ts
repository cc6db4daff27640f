/** Rows that were decoded lately, up to a number of bytes; the row that was asked for longest ago goes first. */
import type { Elements } from '../samples.js';

export class RowCache {
  readonly #rows = new Map<number, Elements>();
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(index: number): Elements | undefined {
    const row = this.#rows.get(index);
    if (row === undefined) return undefined;
    this.#rows.delete(index);
    this.#rows.set(index, row);
    return row;
  }

  set(index: number, row: Elements): void {
    if (row.byteLength > this.#limit || this.#rows.has(index)) return;
    this.#rows.set(index, row);
    this.#bytes += row.byteLength;
    for (const [oldest, { byteLength }] of this.#rows) {
      if (this.#bytes <= this.#limit) break;
      this.#rows.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
