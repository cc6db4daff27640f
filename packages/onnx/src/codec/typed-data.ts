/**
 * The typed data fields of TensorProto: float_data (4), int32_data (5), string_data (6), int64_data (7),
 * double_data (10) and uint64_data (11). Elements of 16 bits or less travel in int32_data as their bit patterns,
 * sub-byte types one packed byte an entry.
 */
import { byteLengthOf, DATA_TYPES } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { DataType, Tensor } from '../tensor.js';
import { BYTES, decodeUtf8, FIXED32, FIXED64, VARINT, type Reader } from './wire.js';
import type { Writer } from './writer.js';

const FIELDS = { float: 4, int32: 5, string: 6, int64: 7, double: 10, uint64: 11 } as const;

export type TypedData =
  { field: 4 | 5 | 10; values: number[] } | { field: 6; values: string[] } | { field: 7 | 11; values: bigint[] };

export function typedFieldOf(dtype: DataType): number {
  return FIELDS[DATA_TYPES[dtype].field];
}

const numberWire = { 4: FIXED32, 5: VARINT, 10: FIXED64 } as const;

function draftFor<F extends TypedData['field']>(draft: { typed: TypedData | null }, field: F): TypedData {
  if (draft.typed && draft.typed.field !== field) {
    throw new OnnxError('malformed', 'a tensor holds two typed data fields');
  }
  return (draft.typed ??= { field, values: [] } as TypedData);
}

/** Reads a typed data field, packed or not; false when `field` is none of them. */
export function readTypedField(r: Reader, draft: { typed: TypedData | null }, field: number, wire: number): boolean {
  if (field === 6 && wire === BYTES) {
    const at = r.pos;
    const text = decodeUtf8(r.body());
    if (text === null) throw new OnnxError('unsupported', `string_data at byte ${at} is not UTF-8`);
    (draftFor(draft, 6).values as string[]).push(text);
    return true;
  }
  if (field === 4 || field === 5 || field === 10) {
    if (wire !== BYTES && wire !== numberWire[field]) return false;
    const values = draftFor(draft, field).values as number[];
    const one = (): void => void values.push(field === 4 ? r.float() : field === 10 ? r.double() : r.int32());
    if (wire === BYTES) r.packed(one);
    else one();
    return true;
  }
  if (field === 7 || field === 11) {
    if (wire !== BYTES && wire !== VARINT) return false;
    const values = draftFor(draft, field).values as bigint[];
    const one = (): void => void values.push(r.int64());
    if (wire === BYTES) r.packed(one);
    else one();
    return true;
  }
  return false;
}

type Ints = Int32Array | Int16Array | Int8Array | Uint16Array | Uint8Array;

function intsOf(dtype: DataType, values: readonly number[]): Ints {
  if (dtype === 'int32') return Int32Array.from(values);
  if (dtype === 'int16') return Int16Array.from(values);
  if (dtype === 'int8') return Int8Array.from(values);
  if (DATA_TYPES[dtype].bits === 16) return Uint16Array.from(values);
  return Uint8Array.from(values);
}

function fromInt32(dtype: DataType, values: readonly number[], where: string): ArrayBufferView {
  const data = intsOf(dtype, values);
  const lost = values.findIndex((v, i) => data[i] !== v);
  if (lost >= 0)
    throw new OnnxError('tensor-data', `${where}: ${values[lost]} in int32_data is not a value of ${dtype}`);
  return data;
}

function from64(dtype: DataType, values: readonly bigint[], where: string): ArrayBufferView {
  if (dtype === 'int64') return BigInt64Array.from(values);
  if (dtype === 'uint64') return BigUint64Array.from(values, (v) => BigInt.asUintN(64, v));
  const lost = values.find((v) => v < 0n || v > 0xffffffffn);
  if (lost !== undefined)
    throw new OnnxError('tensor-data', `${where}: ${lost} in uint64_data is not a value of ${dtype}`);
  return Uint32Array.from(values, Number);
}

/** Entries that `count` elements take in their typed field. */
function entriesOf(dtype: DataType, count: number): number {
  const { family, bits } = DATA_TYPES[dtype];
  if (family === 'complex') return count * 2;
  return bits > 0 && bits < 8 ? byteLengthOf(dtype, count) : count;
}

/** The tensor that a typed field holds; `typed` null is a tensor without data, legal when it has no elements. */
export function typedTensor(
  dtype: DataType,
  dims: readonly number[],
  count: number,
  typed: TypedData | null,
  where: string,
): Tensor {
  const expected = entriesOf(dtype, count);
  const field = typedFieldOf(dtype);
  if (typed && typed.field !== field) {
    throw new OnnxError('malformed', `${where}: ${dtype} data in field ${typed.field}, not ${field}`);
  }
  const values = typed?.values ?? [];
  if (values.length !== expected) {
    throw new OnnxError(
      'tensor-data',
      `${where}: ${dtype}[${dims}] takes ${expected} entries of its typed field, there are ${values.length}`,
    );
  }
  let data: ArrayBufferView | readonly string[];
  if (field === FIELDS.string) data = values as string[];
  else if (field === FIELDS.int64 || field === FIELDS.uint64) data = from64(dtype, values as bigint[], where);
  else if (field === FIELDS.float) data = Float32Array.from(values as number[]);
  else if (field === FIELDS.double) data = Float64Array.from(values as number[]);
  else data = fromInt32(dtype, values as number[], where);
  return { dtype, dims, data } as Tensor;
}

const encoder = new TextEncoder();

/** Writes the elements in their typed field, packed as onnx.proto asks. */
export function writeTyped(writer: Writer, tensor: Tensor): void {
  const field = typedFieldOf(tensor.dtype);
  if (tensor.dtype === 'string') {
    for (const text of tensor.data) writer.bytes(field, encoder.encode(text));
    return;
  }
  if (tensor.data.length === 0) return;
  if (field === FIELDS.float || field === FIELDS.double) {
    writer.bytes(field, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
    return;
  }
  writer.message(field, () => {
    for (const value of tensor.data) writer.varint(value);
  });
}
