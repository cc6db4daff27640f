/** Whole numbers in as few bytes as they need: seven bits in each, the lowest first, as protobuf has them. */
import { damaged } from './errors.js';

/** Bytes that are written one behind the other. */
export class Bytes {
  #held = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  #room(more: number): void {
    if (this.#length + more <= this.#held.length) return;
    const wider = new Uint8Array(Math.max(this.#length + more, 2 * this.#held.length));
    wider.set(this.#held);
    this.#held = wider;
  }

  byte(value: number): void {
    this.#room(1);
    this.#held[this.#length++] = value;
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#held.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  number(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 128);
    this.byte(rest);
  }

  done(): Uint8Array {
    return this.#held.subarray(0, this.#length);
  }
}

/** Reads what `Bytes` wrote; whatever is not there, or is too long, is damage. */
export class Cursor {
  pos = 0;
  constructor(
    readonly bytes: Uint8Array,
    private readonly what: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.pos;
  }

  byte(): number {
    if (this.pos >= this.bytes.length) damaged(`${this.what} ends early`);
    return this.bytes[this.pos++]!;
  }

  take(length: number): Uint8Array {
    if (length > this.left) damaged(`${this.what} ends early`);
    return this.bytes.subarray(this.pos, (this.pos += length));
  }

  /** @param most what the number may be at most */
  number(most: number): number {
    let [value, scale] = [0, 1];
    for (let i = 0; ; i++) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (value > most || i > 7) damaged(`${this.what} has a number above ${most}`);
      if (byte < 128) return value;
      scale *= 128;
    }
  }
}
