/** What was decoded lately, up to a number of bytes; what was asked for longest ago goes first. */
export class ByteCache<T extends { readonly byteLength: number }> {
  readonly #entries = new Map<number, T>();
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: number): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: number, entry: T): void {
    if (entry.byteLength > this.#limit || this.#entries.has(key)) return;
    this.#entries.set(key, entry);
    this.#bytes += entry.byteLength;
    for (const [oldest, { byteLength }] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.#entries.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
