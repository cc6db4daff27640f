/** The bytes of a packed file as they come, and the base where it lies. */
import { Cursor } from './numbers.js';
import { damaged } from './errors.js';

/** A packed file in consecutive pieces of any size. */
export type Pieces = AsyncIterable<Uint8Array>;

/** A base that is read where it lies. Whoever gives it has checked that its bytes have this sha256. */
export interface BaseReader {
  readonly bytes: number;
  /** Hex digits. */
  readonly sha256: string;
  /** `length` bytes from `at` on; both lie within it. */
  read(at: number, length: number): Uint8Array | Promise<Uint8Array>;
}

export const baseReader = (bytes: Uint8Array, sha256: string): BaseReader => ({
  bytes: bytes.length,
  sha256,
  read: (at, length) => bytes.subarray(at, at + length),
});

/** Hands out bytes in the sizes that are asked for, and holds no more of them than that and one piece. */
export class Feed {
  #held: Uint8Array = new Uint8Array(0);
  readonly #pieces: AsyncIterator<Uint8Array>;
  #ended = false;

  constructor(pieces: Pieces) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Bytes that are here and not taken. */
  get held(): number {
    return this.#held.length;
  }

  /** Waits until so many bytes are here, or all that there are. */
  async fill(length: number): Promise<void> {
    const more: Uint8Array[] = [];
    let held = this.#held.length;
    while (held < length && !this.#ended) {
      const next = await this.#pieces.next();
      if (next.done) this.#ended = true;
      else if (next.value.length > 0) {
        more.push(next.value);
        held += next.value.length;
      }
    }
    if (more.length > 0) this.#held = joined([this.#held, ...more], held);
  }

  /** What `read` takes of the bytes that are here, at most `length` of them. */
  async parse<T>(length: number, read: (cursor: Cursor) => T): Promise<T> {
    await this.fill(length);
    const cursor = new Cursor(this.#held, 'the file');
    const result = read(cursor);
    this.#held = this.#held.subarray(cursor.pos);
    return result;
  }

  /** @throws PackError `damaged` where there are not so many */
  async take(length: number): Promise<Uint8Array> {
    await this.fill(length);
    if (this.#held.length < length) damaged('the file ends early');
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return bytes;
  }

  /** Lets the source go, whatever is left of it. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#pieces.return?.();
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const filled = pieces.filter((piece) => piece.length > 0);
  if (filled.length === 1) return filled[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of filled) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
