/** NodeProto and AttributeProto. */
import { OnnxError } from '../errors.js';
import type { Attribute, Node } from '../ir.js';
import { readNodeDevices, writeNodeDevices } from './devices.js';
import { readEntry, writeEntries } from './entries.js';
import { readGraph, writeGraph } from './graphs.js';
import { readSparse, readTensor, tensorSize, writeSparse, writeTensor } from './tensors.js';
import { readType, writeType } from './types.js';
import { BYTES, decodeUtf8, FIXED32, VARINT, type Reader } from './wire.js';
import { bit, writes, type Writer } from './writer.js';

type Kind = Exclude<Attribute['kind'], 'reference'>;

interface KindRow {
  /** AttributeProto.AttributeType. */
  readonly type: number;
  /** Field that holds the value. */
  readonly field: number;
  readonly wire: number;
  readonly repeated: boolean;
}

const KINDS: { readonly [K in Kind]: KindRow } = {
  float: { type: 1, field: 2, wire: FIXED32, repeated: false },
  int: { type: 2, field: 3, wire: VARINT, repeated: false },
  string: { type: 3, field: 4, wire: BYTES, repeated: false },
  tensor: { type: 4, field: 5, wire: BYTES, repeated: false },
  graph: { type: 5, field: 6, wire: BYTES, repeated: false },
  floats: { type: 6, field: 7, wire: FIXED32, repeated: true },
  ints: { type: 7, field: 8, wire: VARINT, repeated: true },
  strings: { type: 8, field: 9, wire: BYTES, repeated: true },
  tensors: { type: 9, field: 10, wire: BYTES, repeated: true },
  graphs: { type: 10, field: 11, wire: BYTES, repeated: true },
  sparse: { type: 11, field: 22, wire: BYTES, repeated: false },
  sparses: { type: 12, field: 23, wire: BYTES, repeated: true },
  type: { type: 13, field: 14, wire: BYTES, repeated: false },
  types: { type: 14, field: 15, wire: BYTES, repeated: true },
};
const kinds = Object.keys(KINDS) as Kind[];
const kindOfField = new Map(kinds.map((kind) => [KINDS[kind].field, kind]));
const kindOfType = new Map(kinds.map((kind) => [KINDS[kind].type, kind]));

/** AttributeProto.AttributeType of a kind, for references and operator tables. */
export function attributeType(kind: Kind): number {
  return KINDS[kind].type;
}

function readText(reader: Reader): string | Uint8Array {
  const body = reader.body();
  return decodeUtf8(body) ?? body;
}

function readOne(reader: Reader, kind: Kind): unknown {
  switch (kind) {
    case 'float':
    case 'floats':
      return reader.float();
    case 'int':
    case 'ints':
      return reader.int64();
    case 'string':
    case 'strings':
      return readText(reader);
    case 'tensor':
    case 'tensors':
      return reader.nested(readTensor);
    case 'graph':
    case 'graphs':
      return reader.nested(readGraph);
    case 'sparse':
    case 'sparses':
      return reader.nested(readSparse);
    case 'type':
    case 'types':
      return reader.nested(readType);
  }
}

interface AttributeDraft {
  name: string;
  reference: string | undefined;
  type: number;
  doc: string | undefined;
  values: Map<Kind, unknown[]>;
  packed: boolean;
  stated: number;
}

function readAttributeField(reader: Reader, draft: AttributeDraft, field: number, wire: number): boolean {
  if (field === 1 && wire === BYTES) draft.name = reader.string();
  else if (field === 13 && wire === BYTES) draft.doc = reader.string();
  else if (field === 20 && wire === VARINT) draft.type = reader.int32();
  else if (field === 21 && wire === BYTES) draft.reference = reader.string();
  else {
    const kind = kindOfField.get(field);
    if (!kind) return false;
    const { repeated, wire: own } = KINDS[kind];
    const values = draft.values.get(kind) ?? [];
    if (repeated && wire === BYTES && own !== BYTES) {
      reader.packed(() => values.push(readOne(reader, kind)));
      draft.packed = true;
    } else if (wire === own) {
      if (!repeated && values.length > 0) throw new OnnxError('malformed', `attribute field ${field} occurs twice`);
      values.push(readOne(reader, kind));
    } else return false;
    draft.values.set(kind, values);
  }
  draft.stated |= bit(field);
  return true;
}

const defaults: Partial<Record<Kind, unknown>> = { float: 0, int: 0n, string: '' };

/** The kind that the type field names or, for files of IR version 1 that lack it, the one field in use. */
function kindOf(draft: AttributeDraft, where: string): Kind {
  const named = kindOfType.get(draft.type);
  const used = [...draft.values.keys()];
  if (!named && draft.type !== 0) throw new OnnxError('unsupported', `${where} has the unknown type ${draft.type}`);
  const kind = named ?? used[0];
  if (!kind) throw new OnnxError('malformed', `${where} has neither type nor value`);
  const other = used.find((k) => k !== kind);
  if (other) throw new OnnxError('malformed', `${where} of type ${kind} also has a value of type ${other}`);
  return kind;
}

function assemble(draft: AttributeDraft, unknown: Uint8Array | undefined): Attribute {
  const where = `attribute ${JSON.stringify(draft.name)}`;
  const notes = {
    ...(draft.doc !== undefined && { doc: draft.doc }),
    ...(draft.packed && { packed: true }),
    ...(unknown && { unknown }),
  };
  if (draft.reference !== undefined && draft.reference !== '') {
    if (draft.values.size > 0) throw new OnnxError('malformed', `${where} is a reference and has a value`);
    const usual = usualAttribute(draft.name, 21);
    const stated = draft.stated & ~bit(13);
    return {
      kind: 'reference',
      name: draft.reference,
      type: draft.type,
      ...notes,
      ...(stated !== usual && { stated }),
    };
  }
  const kind = kindOf(draft, where);
  const values = draft.values.get(kind) ?? [];
  const value = KINDS[kind].repeated ? values : (values[0] ?? defaults[kind]);
  if (value === undefined) throw new OnnxError('malformed', `${where} of type ${kind} has no value`);
  const single = KINDS[kind].repeated ? 0 : KINDS[kind].field;
  const stated = draft.stated & ~bit(13) & (KINDS[kind].repeated ? ~bit(KINDS[kind].field) : ~0);
  const usual = usualAttribute(draft.name, single);
  return { kind, value, ...notes, ...(stated !== usual && { stated }) } as Attribute;
}

/** The singular fields that the writer states by itself: name, type and the value or the reference. */
function usualAttribute(name: string, valueField: number): number {
  return (name === '' ? 0 : bit(1)) | bit(20) | (valueField === 0 ? 0 : bit(valueField));
}

export function readAttribute(reader: Reader): [string, Attribute] {
  const draft: AttributeDraft = {
    name: '',
    reference: undefined,
    type: 0,
    doc: undefined,
    values: new Map(),
    packed: false,
    stated: 0,
  };
  const unknown = reader.fields((field, wire) => readAttributeField(reader, draft, field, wire));
  return [draft.name, assemble(draft, unknown)];
}

function writeText(writer: Writer, field: number, value: string | Uint8Array): void {
  if (typeof value === 'string') writer.string(field, value);
  else writer.bytes(field, value);
}

function writeValue(writer: Writer, attribute: Attribute): void {
  const { stated } = attribute;
  switch (attribute.kind) {
    case 'float':
      if (writes(stated, 2, attribute.value === 0, true)) writer.float(2, attribute.value);
      return;
    case 'int':
      if (writes(stated, 3, attribute.value === 0n, true)) writer.int(3, attribute.value);
      return;
    case 'string':
      if (writes(stated, 4, attribute.value.length === 0, true)) writeText(writer, 4, attribute.value);
      return;
    case 'tensor':
      return writer.message(5, () => writeTensor(writer, attribute.value), tensorSize(attribute.value));
    case 'graph':
      return writer.message(6, () => writeGraph(writer, attribute.value));
    case 'floats':
      if (!attribute.packed) return attribute.value.forEach((v) => writer.float(7, v));
      return writer.bytes(7, new Uint8Array(Float32Array.from(attribute.value).buffer));
    case 'ints':
      if (!attribute.packed) return attribute.value.forEach((v) => writer.int(8, v));
      return writer.message(8, () => attribute.value.forEach((v) => writer.varint(v)));
    case 'strings':
      return attribute.value.forEach((v) => writeText(writer, 9, v));
    case 'tensors':
      return attribute.value.forEach((v) => writer.message(10, () => writeTensor(writer, v), tensorSize(v)));
    case 'graphs':
      return attribute.value.forEach((v) => writer.message(11, () => writeGraph(writer, v)));
    case 'sparse':
      return writer.message(22, () => writeSparse(writer, attribute.value));
    case 'sparses':
      return attribute.value.forEach((v) => writer.message(23, () => writeSparse(writer, v)));
    case 'type':
      return writer.message(14, () => writeType(writer, attribute.value));
    case 'types':
      return attribute.value.forEach((v) => writer.message(15, () => writeType(writer, v)));
    case 'reference':
      return writer.string(21, attribute.name);
  }
}

export function writeAttribute(writer: Writer, name: string, attribute: Attribute): void {
  const type = attribute.kind === 'reference' ? attribute.type : KINDS[attribute.kind].type;
  const field = attribute.kind === 'reference' ? 21 : KINDS[attribute.kind].field;
  if (writes(attribute.stated, 1, name === '')) writer.string(1, name);
  if (field < 13) writeValue(writer, attribute);
  if (attribute.doc !== undefined) writer.string(13, attribute.doc);
  if (field > 13 && field < 20) writeValue(writer, attribute);
  // Files of IR version 1 have no type field, and get none.
  if (attribute.stated === undefined || (attribute.stated & bit(20)) !== 0) writer.int(20, type);
  if (field > 20) writeValue(writer, attribute);
  if (attribute.unknown) writer.raw(attribute.unknown);
}

export function putAttribute(map: Map<string, Attribute>, entry: [string, Attribute], where: string): void {
  if (map.has(entry[0])) {
    throw new OnnxError('duplicate-name', `attribute ${JSON.stringify(entry[0])} occurs twice in ${where}`);
  }
  map.set(...entry);
}

export function readNode(reader: Reader): Node {
  const node: Node = { op: '', domain: '', name: '', inputs: [], outputs: [], attributes: new Map() };
  let emptyStated = 0;
  const text = (field: number): string => {
    const value = reader.string();
    if (value === '') emptyStated |= bit(field);
    return value;
  };
  const unknown = reader.fields((field, wire) => {
    if (wire !== BYTES) return false;
    if (field === 1) node.inputs.push(reader.string());
    else if (field === 2) node.outputs.push(reader.string());
    else if (field === 3) node.name = text(3);
    else if (field === 4) node.op = text(4);
    else if (field === 5)
      putAttribute(node.attributes, reader.nested(readAttribute), `a node before byte ${reader.pos}`);
    else if (field === 6) node.doc = reader.string();
    else if (field === 7) node.domain = text(7);
    else if (field === 8) node.overload = reader.string();
    else if (field === 9) readEntry(reader, (node.metadata ??= new Map()), 'node metadata');
    else if (field === 10) (node.deviceConfigurations ??= []).push(reader.nested(readNodeDevices));
    else return false;
    return true;
  });
  if (unknown) node.unknown = unknown;
  if (emptyStated) node.stated = emptyStated;
  return node;
}

export function writeNode(writer: Writer, node: Node): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  if (writes(node.stated, 3, node.name === '')) writer.string(3, node.name);
  if (writes(node.stated, 4, node.op === '')) writer.string(4, node.op);
  for (const [name, attribute] of node.attributes) {
    writer.message(5, () => writeAttribute(writer, name, attribute), attributeSize(attribute));
  }
  if (node.doc !== undefined) writer.string(6, node.doc);
  if (writes(node.stated, 7, node.domain === '')) writer.string(7, node.domain);
  if (node.overload !== undefined) writer.string(8, node.overload);
  writeEntries(writer, 9, node.metadata);
  node.deviceConfigurations?.forEach((c) => writer.message(10, () => writeNodeDevices(writer, c)));
  if (node.unknown) writer.raw(node.unknown);
}

function attributeSize(attribute: Attribute): number {
  return attribute.kind === 'tensor' ? tensorSize(attribute.value) + 24 : 0;
}
