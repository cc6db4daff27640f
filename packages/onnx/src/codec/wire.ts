/** The protobuf wire format (protobuf.dev, "Encoding"): varints, fixed-width numbers and length-delimited fields. */
import { OnnxError } from '../errors.js';

/** Bounds that keep hostile files cheap. */
export interface DecodeLimits {
  /** Largest file in bytes. The protobuf limit of 2 GiB by default. */
  bytes: number;
  /** Deepest nesting of messages. */
  depth: number;
  /** Most messages (nodes, attributes, tensors, dimensions, ...) in one file. */
  messages: number;
}

export const DEFAULT_LIMITS: DecodeLimits = { bytes: 2 ** 31 - 1, depth: 100, messages: 2_000_000 };

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict UTF-8; null when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  if (bytes.length < 48) {
    // Names are short and ASCII: building them here is several times faster than a TextDecoder call.
    let text = '';
    let i = 0;
    for (; i < bytes.length; i++) {
      const c = bytes[i]!;
      if (c > 127) break;
      text += String.fromCharCode(c);
    }
    if (i === bytes.length) return text;
  }
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

export class Reader {
  readonly view: DataView;
  pos = 0;
  end: number;
  private depth = 0;
  private messages = 0;

  constructor(
    readonly bytes: Uint8Array,
    private readonly limits: DecodeLimits,
  ) {
    if (bytes.length > limits.bytes)
      throw new OnnxError('too-large', `file of ${bytes.length} bytes, limit ${limits.bytes}`);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  fail(what: string): never {
    throw new OnnxError('malformed', `${what} at byte ${this.pos}`);
  }

  private need(length: number): void {
    if (length > this.end - this.pos) {
      throw new OnnxError('truncated', `${length} bytes declared at byte ${this.pos}, ${this.end - this.pos} remain`);
    }
  }

  /** A varint of up to 64 bits. */
  int64(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const b = this.byte();
      low |= (b & 127) << shift;
      if (b < 128) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const b = this.byte();
      value |= BigInt(b & 127) << shift;
      if (b < 128) return BigInt.asIntN(64, value);
    }
    return this.fail('varint longer than 10 bytes');
  }

  private byte(): number {
    if (this.pos >= this.end) throw new OnnxError('truncated', `message ends inside a varint at byte ${this.pos}`);
    return this.bytes[this.pos++]!;
  }

  /** A varint that must be exact as a number. */
  int53(): number {
    const first = this.bytes[this.pos];
    if (first !== undefined && first < 128 && this.pos < this.end) {
      this.pos++;
      return first;
    }
    const value = this.int64();
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new OnnxError('unsupported', `integer ${value} is beyond 2^53`);
    return number;
  }

  /** int32 fields are sign-extended to 64 bits on the wire; protobuf keeps the low 32 bits. */
  int32(): number {
    return Number(BigInt.asIntN(32, this.int64()));
  }

  /** The body of a length-delimited field, sharing memory with the file. */
  body(): Uint8Array {
    const length = this.length();
    const part = this.bytes.subarray(this.pos, this.pos + length);
    this.pos += length;
    return part;
  }

  private length(): number {
    const length = this.int64();
    if (length < 0n || length > 0x7fffffffn) this.fail(`length ${length} out of range`);
    this.need(Number(length));
    return Number(length);
  }

  string(): string {
    const at = this.pos;
    const text = decodeUtf8(this.body());
    if (text === null) throw new OnnxError('malformed', `string at byte ${at} is not UTF-8`);
    return text;
  }

  float(): number {
    this.need(4);
    const value = this.view.getFloat32(this.pos, true);
    this.pos += 4;
    return value;
  }

  double(): number {
    this.need(8);
    const value = this.view.getFloat64(this.pos, true);
    this.pos += 8;
    return value;
  }

  /** Reads a nested message: `read` consumes fields until the message ends. */
  nested<T>(read: (reader: Reader) => T): T {
    const length = this.length();
    if (++this.messages > this.limits.messages) {
      throw new OnnxError('too-large', `more than ${this.limits.messages} messages`);
    }
    if (++this.depth > this.limits.depth) {
      throw new OnnxError('too-deep', `messages nest deeper than ${this.limits.depth} at byte ${this.pos}`);
    }
    const outer = this.end;
    this.end = this.pos + length;
    const value = read(this);
    this.end = outer;
    this.depth--;
    return value;
  }

  /**
   * Visits the fields of the current message. A field that `visit` does not take (it returns false and reads nothing)
   * is kept: the return value is all such fields, tags included.
   */
  fields(visit: (field: number, wire: number) => boolean): Uint8Array | undefined {
    let kept: Uint8Array[] | undefined;
    while (this.pos < this.end) {
      const start = this.pos;
      const tag = this.int64();
      const field = Number(tag >> 3n);
      if (field < 1 || field > 0x1fffffff) this.fail(`field number ${field}`);
      const wire = Number(tag & 7n);
      if (visit(field, wire)) continue;
      this.skip(wire);
      (kept ??= []).push(this.bytes.subarray(start, this.pos));
    }
    return kept && concat(kept);
  }

  /** As `fields`, for messages without a place for unknown fields: those are refused. */
  fieldsOnly(what: string, visit: (field: number, wire: number) => boolean): void {
    if (this.fields(visit)) throw new OnnxError('unsupported', `unknown field in ${what} before byte ${this.pos}`);
  }

  private skip(wire: number): void {
    if (wire === VARINT) this.int64();
    else if (wire === BYTES) this.body();
    else if (wire === FIXED64 || wire === FIXED32) {
      this.need(wire === FIXED64 ? 8 : 4);
      this.pos += wire === FIXED64 ? 8 : 4;
    } else this.fail(`wire type ${wire}`);
  }

  /** Visits each entry of a packed repeated field. */
  packed(read: () => void): void {
    const outer = this.end;
    const length = this.length();
    this.end = this.pos + length;
    while (this.pos < this.end) read();
    this.end = outer;
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
