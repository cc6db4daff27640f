/** GraphProto and FunctionProto. */
import { OnnxError } from '../errors.js';
import type { FunctionBody, Graph, QuantizationAnnotation, ValueInfo } from '../ir.js';
import { readEntry, writeEntries } from './entries.js';
import { putAttribute, readAttribute, readNode, writeAttribute, writeNode } from './nodes.js';
import { readSparse, readTensor, tensorSize, writeSparse, writeTensor } from './tensors.js';
import { readValueInfo, writeValueInfo } from './types.js';
import { BYTES, VARINT, type Reader } from './wire.js';
import { bit, writes, Writer } from './writer.js';

/** Adds a named thing to a map in file order; the names must be distinct (onnx.proto, GraphProto). */
function put<T extends { name: string }>(map: Map<string, T>, item: T, what: string): void {
  if (map.has(item.name)) throw new OnnxError('duplicate-name', `${what} ${JSON.stringify(item.name)} occurs twice`);
  map.set(item.name, item);
}

function sameInfo(a: ValueInfo, b: ValueInfo): boolean {
  const [one, other] = [a, b].map((info) => {
    const writer = new Writer(64);
    writeValueInfo(writer, info);
    return writer.finish();
  }) as [Uint8Array, Uint8Array];
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** What is known of an inner value. Some tools write it again for each pass that infers shapes; a repeat that says the same is dropped. */
function putInfo(map: Map<string, ValueInfo>, info: ValueInfo): void {
  const before = map.get(info.name);
  if (!before || !sameInfo(before, info)) put(map, info, 'value_info');
}

function readAnnotation(reader: Reader): QuantizationAnnotation {
  const annotation: QuantizationAnnotation = { parameters: new Map() };
  reader.fieldsOnly('TensorAnnotation', (field, wire) => {
    if (wire !== BYTES) return false;
    if (field === 1) annotation.tensor = reader.string();
    else if (field === 2) readEntry(reader, annotation.parameters, 'a quantization annotation');
    else return false;
    return true;
  });
  return annotation;
}

export function emptyGraph(name: string): Graph {
  return {
    name,
    inputs: [],
    outputs: [],
    nodes: [],
    initializers: new Map(),
    sparseInitializers: [],
    values: new Map(),
  };
}

export function readGraph(reader: Reader): Graph {
  const graph = emptyGraph('');
  const unknown = reader.fields((field, wire) => wire === BYTES && readGraphField(reader, graph, field));
  if (unknown) graph.unknown = unknown;
  return graph;
}

function readGraphField(reader: Reader, graph: Graph, field: number): boolean {
  switch (field) {
    case 1:
      graph.nodes.push(reader.nested(readNode));
      return true;
    case 2:
      graph.name = reader.string();
      if (graph.name === '') graph.stated = bit(2);
      return true;
    case 5:
      put(graph.initializers, reader.nested(readTensor), 'initializer');
      return true;
    case 10:
      graph.doc = reader.string();
      return true;
    case 11:
      graph.inputs.push(reader.nested(readValueInfo));
      return true;
    case 12:
      graph.outputs.push(reader.nested(readValueInfo));
      return true;
    case 13:
      putInfo(graph.values, reader.nested(readValueInfo));
      return true;
    case 14:
      (graph.quantization ??= []).push(reader.nested(readAnnotation));
      return true;
    case 15:
      graph.sparseInitializers.push(reader.nested(readSparse));
      return true;
    case 16:
      readEntry(reader, (graph.metadata ??= new Map()), 'graph metadata');
      return true;
    default:
      return false;
  }
}

export function writeGraph(writer: Writer, graph: Graph): void {
  for (const node of graph.nodes) writer.message(1, () => writeNode(writer, node));
  if (writes(graph.stated, 2, graph.name === '')) writer.string(2, graph.name);
  for (const [name, tensor] of graph.initializers) {
    if (tensor.name !== name) {
      throw new OnnxError('build', `initializer ${JSON.stringify(tensor.name)} is filed under ${JSON.stringify(name)}`);
    }
    writer.message(5, () => writeTensor(writer, tensor), tensorSize(tensor));
  }
  if (graph.doc !== undefined) writer.string(10, graph.doc);
  for (const info of graph.inputs) writer.message(11, () => writeValueInfo(writer, info));
  for (const info of graph.outputs) writer.message(12, () => writeValueInfo(writer, info));
  for (const info of graph.values.values()) writer.message(13, () => writeValueInfo(writer, info));
  for (const { tensor, parameters } of graph.quantization ?? []) {
    writer.message(14, () => {
      if (tensor !== undefined) writer.string(1, tensor);
      writeEntries(writer, 2, parameters);
    });
  }
  for (const sparse of graph.sparseInitializers) writer.message(15, () => writeSparse(writer, sparse));
  writeEntries(writer, 16, graph.metadata);
  if (graph.unknown) writer.raw(graph.unknown);
}

/** Roughly the size of a graph in a file. */
export function graphSize(graph: Graph): number {
  let size = 256 + graph.nodes.length * 96;
  for (const tensor of graph.initializers.values()) size += tensorSize(tensor) + 8;
  for (const node of graph.nodes) {
    for (const a of node.attributes.values()) if (a.kind === 'tensor') size += tensorSize(a.value);
  }
  return size;
}

/** Holder of operator-set imports: a model or a function. */
export interface OpsetHolder {
  opsets: Map<string, number>;
  opsetForms?: Map<string, number>;
  repeatedOpsets?: string[];
}

/** OperatorSetIdProto: one version for a domain. */
export function readOpset(reader: Reader, holder: OpsetHolder): void {
  let domain = '';
  let version = 0;
  let stated = 0;
  reader.nested((r) =>
    r.fieldsOnly('OperatorSetIdProto', (field, wire) => {
      if (field === 1 && wire === BYTES) domain = r.string();
      else if (field === 2 && wire === VARINT) version = r.int53();
      else return false;
      stated |= bit(field);
      return true;
    }),
  );
  const before = holder.opsets.get(domain);
  if (before !== undefined) {
    // Some converters write it again for each part that they convert; `normalise` says so.
    if (before === version) return void (holder.repeatedOpsets ??= []).push(domain);
    const versions = `in versions ${before} and ${version}`;
    throw new OnnxError(
      'duplicate-name',
      `the operator set of domain ${JSON.stringify(domain)} is imported ${versions}`,
    );
  }
  holder.opsets.set(domain, version);
  const usual = (domain === '' ? 0 : bit(1)) | (version === 0 ? 0 : bit(2));
  if (stated !== usual) (holder.opsetForms ??= new Map()).set(domain, stated);
}

export function writeOpsets(writer: Writer, field: number, holder: OpsetHolder): void {
  const repeated = (holder.repeatedOpsets ?? []).map((domain) => [domain, holder.opsets.get(domain) ?? 0] as const);
  for (const [domain, version] of [...holder.opsets, ...repeated]) {
    const stated = holder.opsetForms?.get(domain);
    writer.message(field, () => {
      if (writes(stated, 1, domain === '')) writer.string(1, domain);
      if (writes(stated, 2, version === 0)) writer.int(2, version);
    });
  }
}

export function readFunction(reader: Reader): FunctionBody {
  const body: FunctionBody = {
    domain: '',
    name: '',
    inputs: [],
    outputs: [],
    attributes: [],
    nodes: [],
    opsets: new Map(),
  };
  let emptyStated = 0;
  const unknown = reader.fields((field, wire) => {
    if (wire !== BYTES) return false;
    if (field === 1 || field === 10) {
      const value = reader.string();
      if (field === 1) body.name = value;
      else body.domain = value;
      if (value === '') emptyStated |= bit(field);
    } else if (field === 4) body.inputs.push(reader.string());
    else if (field === 5) body.outputs.push(reader.string());
    else if (field === 6) body.attributes.push(reader.string());
    else if (field === 7) body.nodes.push(reader.nested(readNode));
    else if (field === 8) body.doc = reader.string();
    else if (field === 9) readOpset(reader, body);
    else if (field === 11)
      putAttribute((body.attributeDefaults ??= new Map()), reader.nested(readAttribute), 'a function');
    else if (field === 12) putInfo((body.values ??= new Map()), reader.nested(readValueInfo));
    else if (field === 13) body.overload = reader.string();
    else if (field === 14) readEntry(reader, (body.metadata ??= new Map()), 'function metadata');
    else return false;
    return true;
  });
  if (unknown) body.unknown = unknown;
  if (emptyStated) body.stated = emptyStated;
  return body;
}

export function writeFunction(writer: Writer, body: FunctionBody): void {
  if (writes(body.stated, 1, body.name === '')) writer.string(1, body.name);
  for (const name of body.inputs) writer.string(4, name);
  for (const name of body.outputs) writer.string(5, name);
  for (const name of body.attributes) writer.string(6, name);
  for (const node of body.nodes) writer.message(7, () => writeNode(writer, node));
  if (body.doc !== undefined) writer.string(8, body.doc);
  writeOpsets(writer, 9, body);
  if (writes(body.stated, 10, body.domain === '')) writer.string(10, body.domain);
  for (const [name, attribute] of body.attributeDefaults ?? []) {
    writer.message(11, () => writeAttribute(writer, name, attribute));
  }
  for (const info of body.values?.values() ?? []) writer.message(12, () => writeValueInfo(writer, info));
  if (body.overload !== undefined) writer.string(13, body.overload);
  writeEntries(writer, 14, body.metadata);
  if (body.unknown) writer.raw(body.unknown);
}
