/** TensorProto and SparseTensorProto. */
import { byteLengthOf, DATA_TYPES, rawBytes, tensorBytes, tensorOverBytes } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { ExternalLocation, SparseTensor, StoredTensor } from '../ir.js';
import { isLazy } from '../lazy.js';
import type { DataType, Tensor } from '../tensor.js';
import { readEntry, writeEntries } from './entries.js';
import { readDataType } from './types.js';
import { readTypedField, typedFieldOf, typedTensor, writeTyped, type TypedData } from './typed-data.js';
import { BYTES, VARINT, type Reader } from './wire.js';
import { bit, writes, type Writer } from './writer.js';

/** Elements of a shape, refusing negative dimensions and products beyond exact integers. */
export function checkedCount(dims: readonly number[], where: string): number {
  let count = 1;
  for (const d of dims) {
    if (d < 0) throw new OnnxError('tensor-data', `${where} has the negative dimension ${d}`);
    count *= d;
    if (!Number.isSafeInteger(count)) throw new OnnxError('tensor-data', `${where}: the shape [${dims}] overflows`);
  }
  return count;
}

interface Draft {
  dims: number[];
  dtype: DataType | null;
  raw: Uint8Array | null;
  typed: TypedData | null;
  external: Map<string, string> | null;
  isExternal: boolean;
  stored: Omit<StoredTensor, 'value'>;
}

/** Reads field `field` into the draft; false when it is not a field of TensorProto. */
function readField(reader: Reader, draft: Draft, field: number, wire: number): boolean {
  const { stored } = draft;
  if (field === 1 && wire === VARINT) draft.dims.push(reader.int53());
  else if (field === 1 && wire === BYTES) {
    reader.packed(() => draft.dims.push(reader.int53()));
    stored.packed = true;
  } else if (field === 2 && wire === VARINT) draft.dtype = readDataType(reader);
  else if (field === 3 && wire === BYTES) stored.segment = reader.nested(readSegment);
  else if (field === 8 && wire === BYTES) {
    stored.name = reader.string();
    if (stored.name === '') stored.stated = (stored.stated ?? 0) | bit(8);
  } else if (field === 9 && wire === BYTES) {
    draft.raw = reader.body();
  } else if (field === 12 && wire === BYTES) stored.doc = reader.string();
  else if (field === 13 && wire === BYTES) readEntry(reader, (draft.external ??= new Map()), 'external_data');
  else if (field === 14 && wire === VARINT) {
    const location = reader.int32();
    if (location !== 0 && location !== 1) throw new OnnxError('unsupported', `data_location ${location}`);
    draft.isExternal = location === 1;
    if (location === 0) stored.stated = (stored.stated ?? 0) | bit(14);
  } else if (field === 16 && wire === BYTES) readEntry(reader, (stored.metadata ??= new Map()), 'tensor metadata');
  else return readTypedField(reader, draft, field, wire);
  return true;
}

function readSegment(reader: Reader): { begin: number; end: number } {
  const segment = { begin: 0, end: 0 };
  reader.fieldsOnly('a tensor segment', (field, wire) => {
    if (wire !== VARINT || field > 2) return false;
    if (field === 1) segment.begin = reader.int53();
    else segment.end = reader.int53();
    return true;
  });
  return segment;
}

export function readTensor(reader: Reader): StoredTensor {
  const draft: Draft = {
    dims: [],
    dtype: null,
    raw: null,
    typed: null,
    external: null,
    isExternal: false,
    stored: { name: '' },
  };
  const unknown = reader.fields((field, wire) => readField(reader, draft, field, wire));
  const { stored } = draft;
  if (unknown) stored.unknown = unknown;
  return { ...stored, ...readValue(draft) };
}

function readValue(draft: Draft): Pick<StoredTensor, 'value' | 'encoding'> {
  const { dims, dtype, raw, typed, stored } = draft;
  const where = `tensor ${JSON.stringify(stored.name)}`;
  if (dtype === null) throw new OnnxError('malformed', `${where} has no element type`);
  const whole = checkedCount(dims, where);
  if (draft.isExternal) {
    if (raw || typed) throw new OnnxError('malformed', `${where} holds data and says that they are external`);
    return { value: { dtype, dims, external: readLocation(draft.external ?? new Map(), where) } };
  }
  if (draft.external) throw new OnnxError('unsupported', `${where} has external_data but is not external`);
  if (raw && typed) throw new OnnxError('malformed', `${where} holds raw_data and a typed field`);
  const count = stored.segment ? segmentCount(stored.segment, whole, where) : whole;
  if (raw) {
    if (dtype === 'string') throw new OnnxError('malformed', `${where}: strings cannot be raw_data`);
    const expected = byteLengthOf(dtype, count);
    if (raw.length !== expected) {
      const shape = `${dtype}[${dims}]`;
      throw new OnnxError('tensor-data', `${where}: ${shape} takes ${expected} bytes, raw_data has ${raw.length}`);
    }
    return { value: tensorOverBytes(dtype, dims, raw) };
  }
  return { value: typedTensor(dtype, dims, count, typed, where), encoding: 'typed' };
}

function segmentCount(segment: { begin: number; end: number }, whole: number, where: string): number {
  const { begin, end } = segment;
  if (begin < 0 || end < begin || end > whole) {
    throw new OnnxError('tensor-data', `${where}: segment ${begin}..${end} is not within its ${whole} elements`);
  }
  return end - begin;
}

function readLocation(entries: Map<string, string>, where: string): ExternalLocation {
  const location = entries.get('location');
  if (location === undefined) throw new OnnxError('malformed', `${where}: external data without a location`);
  const natural = (key: string): number | null => {
    const text = entries.get(key);
    if (text === undefined) return null;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw new OnnxError('malformed', `${where}: external ${key} is not a size`);
    return value;
  };
  const checksum = entries.get('checksum');
  return {
    location,
    offset: natural('offset') ?? 0,
    length: natural('length'),
    ...(checksum !== undefined && { checksum }),
    entries,
  };
}

function locationEntries(external: ExternalLocation): ReadonlyMap<string, string> {
  const entries = new Map(external.entries);
  const put = (key: string, value: string | undefined): void => void (value !== undefined && entries.set(key, value));
  put('location', external.location);
  if (external.offset !== Number(entries.get('offset') ?? 0)) put('offset', String(external.offset));
  if (external.length === null) entries.delete('length');
  else if (Number(entries.get('length') ?? -1) !== external.length) put('length', String(external.length));
  put('checksum', external.checksum);
  return entries;
}

function writeDims(writer: Writer, field: number, dims: readonly number[], packed: boolean | undefined): void {
  if (packed) {
    writer.message(field, () => {
      for (const d of dims) writer.varint(d);
    });
  } else for (const d of dims) writer.int(field, d);
}

export function writeTensor(writer: Writer, stored: StoredTensor): void {
  const { value, segment } = stored;
  const external = 'external' in value ? value.external : null;
  const typed = external ? null : typedToWrite(stored, value as Tensor);
  writeDims(writer, 1, value.dims, stored.packed);
  writer.int(2, DATA_TYPES[value.dtype].code);
  if (segment) {
    writer.message(3, () => {
      writer.int(1, segment.begin);
      writer.int(2, segment.end);
    });
  }
  // The typed fields surround name (8) and raw_data (9): 4 to 7 come before, 10 and 11 after.
  if (typed && typedFieldOf(typed.dtype) < 8) writeTyped(writer, typed);
  if (writes(stored.stated, 8, stored.name === '')) writer.string(8, stored.name);
  if (!external && !typed) writeRaw(writer, value as Tensor);
  if (typed && typedFieldOf(typed.dtype) > 8) writeTyped(writer, typed);
  if (stored.doc !== undefined) writer.string(12, stored.doc);
  if (external) writeEntries(writer, 13, locationEntries(external));
  if (writes(stored.stated, 14, !external)) writer.int(14, external ? 1 : 0);
  writeEntries(writer, 16, stored.metadata);
  if (stored.unknown) writer.raw(stored.unknown);
}

function writeRaw(writer: Writer, value: Tensor): void {
  if (isLazy(value)) writer.later(9, tensorBytes(value), () => rawBytes(value));
  else writer.bytes(9, rawBytes(value));
}

function typedToWrite(stored: StoredTensor, value: Tensor): Tensor | null {
  const where = `tensor ${JSON.stringify(stored.name)}`;
  const whole = checkedCount(value.dims, where);
  const count = stored.segment ? segmentCount(stored.segment, whole, where) : whole;
  const expected = value.dtype === 'string' ? count : byteLengthOf(value.dtype, count);
  const actual = value.dtype === 'string' ? value.data.length : tensorBytes(value);
  if (actual !== expected) {
    const unit = value.dtype === 'string' ? 'strings' : 'bytes';
    const shape = `${value.dtype}[${value.dims}]`;
    throw new OnnxError('tensor-data', `${where}: ${shape} takes ${expected} ${unit}, its data have ${actual}`);
  }
  return value.dtype === 'string' || stored.encoding === 'typed' ? value : null;
}

/** Roughly how many bytes a tensor takes in a file; exact enough to place large bodies without moving them. */
export function tensorSize(stored: StoredTensor): number {
  const { value } = stored;
  if ('external' in value) return 64;
  return (value.dtype === 'string' ? value.data.length * 8 : tensorBytes(value)) + stored.name.length + 24;
}

export function readSparse(reader: Reader): SparseTensor {
  let values: StoredTensor | null = null;
  let indices: StoredTensor | null = null;
  const dims: number[] = [];
  let packed: boolean | undefined;
  const unknown: Uint8Array | undefined = reader.fields((field, wire) => {
    if (field === 1 && wire === BYTES) values = reader.nested(readTensor);
    else if (field === 2 && wire === BYTES) indices = reader.nested(readTensor);
    else if (field === 3 && wire === VARINT) dims.push(reader.int53());
    else if (field === 3 && wire === BYTES) {
      reader.packed(() => dims.push(reader.int53()));
      packed = true;
    } else return false;
    return true;
  });
  if (values === null || indices === null) {
    throw new OnnxError('malformed', `a sparse tensor lacks its values or indices before byte ${reader.pos}`);
  }
  checkedCount(dims, 'a sparse tensor');
  const sparse: SparseTensor = { values, indices, dims };
  if (packed) sparse.packed = true;
  if (unknown) sparse.unknown = unknown;
  return sparse;
}

export function writeSparse(writer: Writer, sparse: SparseTensor): void {
  writer.message(1, () => writeTensor(writer, sparse.values), tensorSize(sparse.values));
  writer.message(2, () => writeTensor(writer, sparse.indices), tensorSize(sparse.indices));
  writeDims(writer, 3, sparse.dims, sparse.packed);
  if (sparse.unknown) writer.raw(sparse.unknown);
}
