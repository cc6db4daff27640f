/**
 * A model file without its large tensors: the message as it stands there, except that the elements of large initializers are
 * external data of that same file. So a file can be described, and its tensors read one by one, without holding it whole.
 */
import { OnnxError } from '../errors.js';
import { BYTES, DEFAULT_LIMITS, FIXED32, FIXED64, VARINT } from './wire.js';
import { Writer } from './writer.js';

/** Reads `length` bytes of the model's file; fewer where it ends before. */
export type ReadFile = (offset: number, length: number) => Uint8Array;

/** Elements of fewer bytes stay in the message. */
const LARGE = 2 ** 16;
/** Bytes that are read ahead for tags and lengths. */
const WINDOW = 2 ** 12;

// onnx.proto: ModelProto.graph, GraphProto.initializer, and fields of TensorProto.
const GRAPH = 7;
const INITIALIZER = 5;
const TENSOR = { segment: 3, raw: 9, external: 13, location: 14 } as const;
/** Fields that say that the elements of a tensor are others than those in it. */
const ELSEWHERE: readonly number[] = [TENSOR.segment, TENSOR.external, TENSOR.location];

interface Field {
  readonly field: number;
  readonly wire: number;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

class FileFields {
  private window: Uint8Array = new Uint8Array(0);
  private windowAt = 0;

  constructor(readonly read: ReadFile) {}

  private byte(at: number): number {
    if (at < this.windowAt || at >= this.windowAt + this.window.length) {
      this.window = this.read(at, WINDOW);
      this.windowAt = at;
    }
    const value = this.window[at - this.windowAt];
    if (value === undefined) throw new OnnxError('truncated', `the file ends at byte ${at}`);
    return value;
  }

  /** A varint of at most 53 bits. @returns its value and where it ends */
  private varint(from: number): [number, number] {
    let value = 0;
    for (let at = from, scale = 1; at < from + 10; at++, scale *= 128) {
      const b = this.byte(at);
      value += (b & 127) * scale;
      if (b < 128) return [value, at + 1];
    }
    throw new OnnxError('malformed', `varint longer than 10 bytes at byte ${from}`);
  }

  /** The fields between two places of the file. */
  *fields(start: number, end: number): Generator<Field> {
    for (let at = start; at < end;) {
      const [tag, afterTag] = this.varint(at);
      const [field, wire] = [Math.floor(tag / 8), tag % 8];
      let [bodyStart, stop] = [afterTag, afterTag];
      if (wire === VARINT) stop = this.varint(afterTag)[1];
      else if (wire === FIXED64) stop += 8;
      else if (wire === FIXED32) stop += 4;
      else if (wire === BYTES) {
        const [length, after] = this.varint(afterTag);
        [bodyStart, stop] = [after, after + length];
      } else throw new OnnxError('malformed', `wire type ${wire} at byte ${at}`);
      if (stop > end) throw new OnnxError('truncated', `a field ends at byte ${stop}, beyond ${end}`);
      yield { field, wire, start: at, bodyStart, end: stop };
      at = stop;
    }
  }
}

/** Copies what lies between two places except the fields that `change` writes otherwise. */
function copy(file: FileFields, writer: Writer, from: number, to: number, change: (field: Field) => boolean): void {
  let copied = from;
  const flush = (until: number): void => {
    if (until > copied) writer.raw(file.read(copied, until - copied));
  };
  for (const field of file.fields(from, to)) {
    const isLarge = field.wire === BYTES && field.end - field.bodyStart >= LARGE;
    if (!isLarge) continue;
    flush(field.start);
    copied = field.start;
    if (change(field)) copied = field.end;
  }
  flush(to);
}

/** Where the elements of a tensor lie, when they are large, raw, whole and in this file. */
function rawOf(file: FileFields, tensor: Field): Field | null {
  let raw: Field | null = null;
  for (const field of file.fields(tensor.bodyStart, tensor.end)) {
    if (ELSEWHERE.includes(field.field)) return null;
    if (field.field !== TENSOR.raw) continue;
    if (raw || field.wire !== BYTES || field.end - field.bodyStart < LARGE) return null;
    raw = field;
  }
  return raw;
}

/**
 * @param size of the file in bytes
 * @param location what the external data are said to lie in: the file's own name
 * @returns the message, or null where there is nothing to leave out or the file is not as it should be; `decodeModel` on the
 *   whole file says why then
 */
export function modelHead(read: ReadFile, size: number, location: string): Uint8Array | null {
  const file = new FileFields(read);
  const writer = new Writer(WINDOW);
  let left = 0;
  const entry = (key: string, value: string): void =>
    writer.message(TENSOR.external, () => {
      writer.string(1, key);
      writer.string(2, value);
    });
  const tensor = (field: Field): boolean => {
    const raw = field.field === INITIALIZER ? rawOf(file, field) : null;
    if (!raw) return false;
    left++;
    writer.message(INITIALIZER, () => {
      copy(file, writer, field.bodyStart, field.end, (inner) => inner.field === TENSOR.raw);
      entry('location', location);
      entry('offset', String(raw.bodyStart));
      entry('length', String(raw.end - raw.bodyStart));
      writer.int(TENSOR.location, 1);
    });
    return true;
  };
  if (size > DEFAULT_LIMITS.bytes) return null;
  try {
    copy(file, writer, 0, size, (field) => {
      if (field.field !== GRAPH) return false;
      writer.message(GRAPH, () => copy(file, writer, field.bodyStart, field.end, tensor));
      return true;
    });
  } catch (error) {
    if (error instanceof OnnxError) return null;
    throw error;
  }
  return left > 0 ? writer.finish() : null;
}
