/** TypeProto, TensorShapeProto and ValueInfoProto. */
import { DATA_TYPES, dataTypeOf } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { Dim, TypeNotes, ValueInfo, ValueKind, ValueType } from '../ir.js';
import type { DataType } from '../tensor.js';
import { readEntry, writeEntries } from './entries.js';
import { BYTES, VARINT, type Reader } from './wire.js';
import { bit, writes, type Writer } from './writer.js';

/** An element type by its number; 0 is UNDEFINED and reads as null. */
export function readDataType(reader: Reader): DataType | null {
  const code = reader.int32();
  const dtype = dataTypeOf(code);
  if (dtype === null && code !== 0) throw new OnnxError('unsupported', `element type ${code} is not one of ONNX 1.22`);
  return dtype;
}

interface Shape {
  dims: Dim[];
  denotations?: (string | undefined)[];
}

function readShape(reader: Reader): Shape {
  const shape: Shape = { dims: [] };
  reader.fieldsOnly('TensorShapeProto', (field, wire) => {
    if (field !== 1 || wire !== BYTES) return false;
    let dim: Dim = null;
    reader.nested((r) =>
      r.fieldsOnly('a dimension', (f, w) => {
        if (f === 1 && w === VARINT) dim = r.int53();
        else if (f === 2 && w === BYTES) dim = r.string();
        else if (f === 3 && w === BYTES) (shape.denotations ??= [])[shape.dims.length] = r.string();
        else return false;
        return true;
      }),
    );
    shape.dims.push(dim);
    return true;
  });
  return shape;
}

function readTensorType(reader: Reader, kind: 'tensor' | 'sparse'): ValueType {
  let dtype: DataType | null = null;
  let shape: Shape | null = null;
  let stated = 0;
  const unknown = reader.fields((field, wire) => {
    if (field === 1 && wire === VARINT) {
      dtype = readDataType(reader);
      if (dtype === null) stated = bit(1);
    } else if (field === 2 && wire === BYTES) shape = reader.nested(readShape);
    else return false;
    return true;
  });
  const { dims = null, denotations } = (shape as Shape | null) ?? {};
  return {
    kind,
    dtype,
    shape: dims,
    ...(denotations && { dimDenotations: denotations }),
    ...(unknown && { unknown }),
    ...(stated && { stated }),
  };
}

function readElement(reader: Reader, kind: 'sequence' | 'optional'): ValueKind {
  let element: ValueType | null = null;
  reader.fieldsOnly(`a ${kind} type`, (field, wire) => {
    if (field !== 1 || wire !== BYTES) return false;
    element = reader.nested(readType);
    return true;
  });
  if (element === null)
    throw new OnnxError('malformed', `a ${kind} type has no element type before byte ${reader.pos}`);
  return { kind, element };
}

function readMap(reader: Reader): ValueKind {
  let key: DataType | null = null;
  let value: ValueType | null = null;
  reader.fieldsOnly('a map type', (field, wire) => {
    if (field === 1 && wire === VARINT) key = readDataType(reader);
    else if (field === 2 && wire === BYTES) value = reader.nested(readType);
    else return false;
    return true;
  });
  if (key === null || value === null) {
    throw new OnnxError('malformed', `a map type lacks its key or value type before byte ${reader.pos}`);
  }
  return { kind: 'map', key, value };
}

function readOpaque(reader: Reader): ValueType {
  let domain = '';
  let name = '';
  let stated = 0;
  reader.fieldsOnly('an opaque type', (field, wire) => {
    if (wire !== BYTES || field > 2) return false;
    if (field === 1) domain = reader.string();
    else name = reader.string();
    stated |= bit(field);
    return true;
  });
  return { kind: 'opaque', domain, name, stated };
}

export function readType(reader: Reader): ValueType {
  let kind: ValueType | null = null;
  let denotation: string | undefined;
  const unknown = reader.fields((field, wire) => {
    if (wire !== BYTES) return false;
    if (field === 6) {
      denotation = reader.string();
      return true;
    }
    const read = typeReaders.get(field);
    if (!read) return false;
    kind = reader.nested(read);
    return true;
  });
  const type: ValueType = kind ?? { kind: 'unspecified' };
  if (denotation === undefined && !unknown) return type;
  // A tensor type has an `unknown` of its own; the one of the TypeProto around it has no place beside it.
  if (unknown && type.unknown) throw new OnnxError('unsupported', 'unknown fields in a type and in its tensor type');
  return { ...type, ...(denotation !== undefined && { denotation }), ...(unknown && { unknown, outer: true }) };
}

const typeReaders = new Map<number, (reader: Reader) => ValueType>([
  [1, (r) => readTensorType(r, 'tensor')],
  [4, (r) => readElement(r, 'sequence')],
  [5, readMap],
  [7, readOpaque],
  [8, (r) => readTensorType(r, 'sparse')],
  [9, (r) => readElement(r, 'optional')],
]);

function writeShape(writer: Writer, dims: readonly Dim[], denotations: TypeNotes['dimDenotations']): void {
  dims.forEach((dim, axis) => {
    writer.message(1, () => {
      if (typeof dim === 'number') writer.int(1, dim);
      else if (typeof dim === 'string') writer.string(2, dim);
      const denotation = denotations?.[axis];
      if (denotation !== undefined) writer.string(3, denotation);
    });
  });
}

function writeTensorType(writer: Writer, type: ValueType & { kind: 'tensor' | 'sparse' }): void {
  const { dtype, shape } = type;
  const code = dtype === null ? 0 : DATA_TYPES[dtype].code;
  if (writes(type.stated, 1, code === 0)) writer.int(1, code);
  if (shape !== null) writer.message(2, () => writeShape(writer, shape, type.dimDenotations));
  if (type.unknown && !type.outer) writer.raw(type.unknown);
}

function writeKind(writer: Writer, type: ValueType): void {
  switch (type.kind) {
    case 'tensor':
      return writer.message(1, () => writeTensorType(writer, type));
    case 'sparse':
      return writer.message(8, () => writeTensorType(writer, type));
    case 'sequence':
      return writer.message(4, () => writer.message(1, () => writeType(writer, type.element)));
    case 'optional':
      return writer.message(9, () => writer.message(1, () => writeType(writer, type.element)));
    case 'map':
      return writer.message(5, () => {
        writer.int(1, DATA_TYPES[type.key].code);
        writer.message(2, () => writeType(writer, type.value));
      });
    case 'opaque':
      return writer.message(7, () => {
        if (writes(type.stated, 1, type.domain === '')) writer.string(1, type.domain);
        if (writes(type.stated, 2, type.name === '')) writer.string(2, type.name);
      });
    case 'unspecified':
      return;
  }
}

export function writeType(writer: Writer, type: ValueType): void {
  // Field order: 1, 4 and 5 come before the denotation (6), 7 to 9 after it.
  const early = type.kind === 'tensor' || type.kind === 'sequence' || type.kind === 'map';
  if (early) writeKind(writer, type);
  if (type.denotation !== undefined) writer.string(6, type.denotation);
  if (!early) writeKind(writer, type);
  if (type.unknown && (type.outer || (type.kind !== 'tensor' && type.kind !== 'sparse'))) writer.raw(type.unknown);
}

export function readValueInfo(reader: Reader): ValueInfo {
  const info: ValueInfo = { name: '', type: null };
  const unknown = reader.fields((field, wire) => {
    if (wire !== BYTES) return false;
    if (field === 1) {
      info.name = reader.string();
      if (info.name === '') info.stated = bit(1);
    } else if (field === 2) info.type = reader.nested(readType);
    else if (field === 3) info.doc = reader.string();
    else if (field === 4) readEntry(reader, (info.metadata ??= new Map()), 'the metadata of a value');
    else return false;
    return true;
  });
  if (unknown) info.unknown = unknown;
  return info;
}

export function writeValueInfo(writer: Writer, info: ValueInfo): void {
  const { type } = info;
  if (writes(info.stated, 1, info.name === '')) writer.string(1, info.name);
  if (type !== null) writer.message(2, () => writeType(writer, type));
  if (info.doc !== undefined) writer.string(3, info.doc);
  writeEntries(writer, 4, info.metadata);
  if (info.unknown) writer.raw(info.unknown);
}
