import { OnnxError } from '../errors.js';
import { BYTES, DEFAULT_LIMITS, FIXED32, FIXED64, VARINT } from './wire.js';

const encoder = new TextEncoder();

function varintSize(length: number): number {
  let size = 1;
  for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

export function refuseSize(): never {
  throw new OnnxError('too-large', 'a protobuf message cannot exceed 2 GiB: move tensors out with saveExternalData');
}

/** Bytes that belong into the message at a place of the buffer, and are not in it. */
interface Insert {
  at: number;
  readonly bytes: Uint8Array | (() => Uint8Array);
}

/** Writes protobuf in ascending field order; the callers give the order. */
export class Writer {
  private buffer: Uint8Array;
  private view: DataView;
  private pos = 0;
  private readonly inserts: Insert[] = [];
  private inserted = 0;

  /** @param apart bytes of this many and more are not copied: read the message with `pieces` then */
  constructor(
    capacity: number,
    private readonly apart = Infinity,
  ) {
    this.buffer = new Uint8Array(Math.min(Math.max(64, capacity), DEFAULT_LIMITS.bytes));
    this.view = new DataView(this.buffer.buffer);
  }

  /** Bytes of the message, with those that were left apart. */
  get length(): number {
    return this.pos + this.inserted;
  }

  /** The message in consecutive pieces; those that were not copied are the memory that was given. */
  *pieces(): Generator<Uint8Array> {
    let from = 0;
    for (const { at, bytes } of this.inserts) {
      if (at > from) yield this.buffer.subarray(from, at);
      yield typeof bytes === 'function' ? bytes() : bytes;
      from = at;
    }
    if (this.pos > from) yield this.buffer.subarray(from, this.pos);
  }

  /** The message as a whole, where nothing was left apart. */
  finish(): Uint8Array {
    return this.buffer.length - this.pos > this.pos >> 3
      ? this.buffer.slice(0, this.pos)
      : this.buffer.subarray(0, this.pos);
  }

  private reserve(length: number): void {
    const need = this.pos + length;
    if (need + this.inserted > DEFAULT_LIMITS.bytes) refuseSize();
    if (need <= this.buffer.length) return;
    const grown = new Uint8Array(Math.min(DEFAULT_LIMITS.bytes, Math.max(need, this.buffer.length * 2)));
    grown.set(this.buffer.subarray(0, this.pos));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  varint(value: number | bigint): void {
    this.reserve(10);
    if (typeof value === 'bigint') {
      if (value >= 0n && value < 0x80000000n) return this.varint(Number(value));
      let rest = BigInt.asUintN(64, value);
      for (; rest > 127n; rest >>= 7n) this.buffer[this.pos++] = Number(rest & 127n) | 128;
      this.buffer[this.pos++] = Number(rest);
      return;
    }
    if (value < 0) return this.varint(BigInt(value));
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.buffer[this.pos++] = (rest % 128) | 128;
    this.buffer[this.pos++] = rest;
  }

  private tag(field: number, wire: number): void {
    this.varint(field * 8 + wire);
  }

  int(field: number, value: number | bigint): void {
    this.tag(field, VARINT);
    this.varint(value);
  }

  float(field: number, value: number): void {
    this.tag(field, FIXED32);
    this.reserve(4);
    this.view.setFloat32(this.pos, value, true);
    this.pos += 4;
  }

  double(field: number, value: number): void {
    this.tag(field, FIXED64);
    this.reserve(8);
    this.view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  bytes(field: number, value: Uint8Array): void {
    this.tag(field, BYTES);
    this.varint(value.length);
    this.raw(value);
  }

  /** `bytes` that are made when they are needed: where they are left apart, as `pieces` comes to them. */
  later(field: number, length: number, make: () => Uint8Array): void {
    if (length < this.apart) return this.bytes(field, make());
    this.tag(field, BYTES);
    this.varint(length);
    this.insert(length, make);
  }

  private insert(length: number, bytes: Insert['bytes']): void {
    this.inserts.push({ at: this.pos, bytes });
    this.inserted += length;
    this.reserve(0);
  }

  /** Bytes that already carry their tags: kept unknown fields. */
  raw(value: Uint8Array): void {
    if (value.length >= this.apart) return this.insert(value.length, value);
    this.reserve(value.length);
    this.buffer.set(value, this.pos);
    this.pos += value.length;
  }

  string(field: number, value: string): void {
    this.tag(field, BYTES);
    const short = value.length < 40;
    if (!short) {
      const encoded = encoder.encode(value);
      this.varint(encoded.length);
      this.raw(encoded);
      return;
    }
    this.reserve(1 + value.length * 3);
    const { written } = encoder.encodeInto(value, this.buffer.subarray(this.pos + 1));
    this.buffer[this.pos] = written;
    this.pos += 1 + written;
  }

  /**
   * A length-delimited field whose body `write` produces.
   * @param expected bytes that the body probably takes; a good guess saves moving a large body afterwards
   */
  message(field: number, write: () => void, expected = 0): void {
    this.tag(field, BYTES);
    const guess = varintSize(expected);
    this.reserve(5);
    const lengthAt = this.pos;
    const before = { inserts: this.inserts.length, inserted: this.inserted };
    this.pos += guess;
    write();
    const held = this.pos - lengthAt - guess;
    const length = held + this.inserted - before.inserted;
    const size = varintSize(length);
    if (size !== guess) {
      this.reserve(5);
      this.buffer.copyWithin(lengthAt + size, lengthAt + guess, this.pos);
      for (const insert of this.inserts.slice(before.inserts)) insert.at += size - guess;
    }
    this.pos = lengthAt;
    this.varint(length);
    this.pos = lengthAt + size + held;
  }
}

/** Bit of a singular field in `stated` masks. */
export function bit(field: number): number {
  return 1 << field;
}

/**
 * Whether a singular field is written: always when it differs from the default; otherwise as the file that it came
 * from had it, or as `usual` says for graphs made here.
 */
export function writes(stated: number | undefined, field: number, isDefault: boolean, usual = false): boolean {
  if (!isDefault) return true;
  return stated === undefined ? usual : (stated & bit(field)) !== 0;
}
