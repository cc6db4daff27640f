/** ModelProto: whole files. */
import { tensorBytes } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { Graph, Model, StoredTensor, TrainingInfo, ValueType } from '../ir.js';
import { eachStored } from '../stored.js';
import { readDevices, writeDevices } from './devices.js';
import { readEntry, writeEntries } from './entries.js';
import {
  emptyGraph,
  graphSize,
  readFunction,
  readGraph,
  readOpset,
  writeFunction,
  writeGraph,
  writeOpsets,
} from './graphs.js';
import { readTensor, tensorSize, writeTensor } from './tensors.js';
import { readType } from './types.js';
import { BYTES, DEFAULT_LIMITS, Reader, VARINT, type DecodeLimits } from './wire.js';
import { bit, refuseSize, writes, Writer } from './writer.js';

export type { DecodeLimits } from './wire.js';

function readTraining(reader: Reader): TrainingInfo {
  const info: TrainingInfo = { initializationBinding: new Map(), updateBinding: new Map() };
  reader.fieldsOnly('TrainingInfoProto', (field, wire) => {
    if (wire !== BYTES) return false;
    if (field === 1) info.initialization = reader.nested(readGraph);
    else if (field === 2) info.algorithm = reader.nested(readGraph);
    else if (field === 3) readEntry(reader, info.initializationBinding, 'initialization_binding');
    else if (field === 4) readEntry(reader, info.updateBinding, 'update_binding');
    else return false;
    return true;
  });
  return info;
}

function readModelField(reader: Reader, model: Model, field: number): boolean {
  if (field === 2) model.producerName = reader.string();
  else if (field === 3) model.producerVersion = reader.string();
  else if (field === 4) model.domain = reader.string();
  else if (field === 6) model.doc = reader.string();
  else if (field === 8) readOpset(reader, model);
  else if (field === 14) readEntry(reader, model.metadata, 'metadata_props');
  else if (field === 20) (model.training ??= []).push(reader.nested(readTraining));
  else if (field === 25) model.functions.push(reader.nested(readFunction));
  else if (field === 26) (model.deviceConfigurations ??= []).push(reader.nested(readDevices));
  else return false;
  return true;
}

/**
 * Reads a model file. Large tensors share memory with `bytes` where alignment permits, so `bytes` must not change.
 * Fields of later versions of onnx.proto are kept and written back.
 * @throws OnnxError `truncated`, `malformed`, `too-deep`, `too-large`, `unsupported`, `tensor-data`, `duplicate-name`
 */
export function decodeModel(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): Model {
  const reader = new Reader(bytes, { ...DEFAULT_LIMITS, ...limits });
  const model: Model = {
    irVersion: 0,
    opsets: new Map(),
    graph: emptyGraph(''),
    functions: [],
    metadata: new Map(),
  };
  let graph: Graph | null = null;
  const unknown = reader.fields((field, wire) => {
    if (field === 1 && wire === VARINT) {
      model.irVersion = reader.int53();
      if (model.irVersion === 0) model.stated = bit(1);
    } else if (field === 5 && wire === VARINT) model.modelVersion = reader.int53();
    else if (field === 7 && wire === BYTES) {
      if (graph) throw new OnnxError('malformed', 'a model has two graphs');
      graph = reader.nested(readGraph);
    } else return wire === BYTES && readModelField(reader, model, field);
    return true;
  });
  if (!graph) throw new OnnxError('malformed', 'this is not an ONNX model: it has no graph');
  model.graph = graph;
  if (unknown) model.unknown = unknown;
  return model;
}

function writeModel(writer: Writer, model: Model, size: number): void {
  if (writes(model.stated, 1, model.irVersion === 0)) writer.int(1, model.irVersion);
  if (model.producerName !== undefined) writer.string(2, model.producerName);
  if (model.producerVersion !== undefined) writer.string(3, model.producerVersion);
  if (model.domain !== undefined) writer.string(4, model.domain);
  if (model.modelVersion !== undefined) writer.int(5, model.modelVersion);
  if (model.doc !== undefined) writer.string(6, model.doc);
  writer.message(7, () => writeGraph(writer, model.graph), size);
  writeOpsets(writer, 8, model);
  writeEntries(writer, 14, model.metadata);
  for (const info of model.training ?? []) writer.message(20, () => writeTraining(writer, info));
  for (const body of model.functions) writer.message(25, () => writeFunction(writer, body));
  for (const devices of model.deviceConfigurations ?? []) writer.message(26, () => writeDevices(writer, devices));
  if (model.unknown) writer.raw(model.unknown);
}

/** Before anything is copied: what is stored raw takes at least its bytes. */
function refuseTooLarge(model: Model): void {
  let raw = 0;
  eachStored(model, ({ value, encoding }) => {
    if (!('external' in value) && value.dtype !== 'string' && encoding !== 'typed') raw += tensorBytes(value);
  });
  if (raw > DEFAULT_LIMITS.bytes) refuseSize();
}

/**
 * Writes a model in canonical protobuf: fields in ascending order, shortest integers. A canonically encoded file that
 * was decoded comes back byte for byte.
 * @throws OnnxError `too-large` beyond 2 GiB, `tensor-data` when a tensor's data do not fit its shape
 */
export function encodeModel(model: Model): Uint8Array {
  const size = graphSize(model.graph);
  refuseTooLarge(model);
  const writer = new Writer(size + 4096);
  writeModel(writer, model, size);
  return writer.finish();
}

/** Tensors of at least so many bytes are not copied on their way into a file. */
const APART = 2 ** 16;

/**
 * `encodeModel` in consecutive pieces, for a file: large tensors are handed out as they lie in memory, so that there is no
 * second copy of them.
 * @throws as `encodeModel`, before the first piece
 */
export function encodePieces(model: Model): Iterable<Uint8Array> {
  return writtenApart(model).pieces();
}

/**
 * Bytes that `encodeModel` gives. Tensors that are made when they are asked for are not made.
 * @throws as `encodeModel`
 */
export function encodedBytes(model: Model): number {
  return writtenApart(model).length;
}

function writtenApart(model: Model): Writer {
  refuseTooLarge(model);
  const writer = new Writer(2 ** 16, APART);
  writeModel(writer, model, graphSize(model.graph));
  return writer;
}

function writeTraining(writer: Writer, info: TrainingInfo): void {
  const { initialization, algorithm } = info;
  if (initialization) writer.message(1, () => writeGraph(writer, initialization));
  if (algorithm) writer.message(2, () => writeGraph(writer, algorithm));
  writeEntries(writer, 3, info.initializationBinding);
  writeEntries(writer, 4, info.updateBinding);
}

/** Reads a file that holds one TensorProto (the `.pb` files of the ONNX backend tests). */
export function decodeTensor(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): StoredTensor {
  return readTensor(new Reader(bytes, { ...DEFAULT_LIMITS, ...limits }));
}

export function encodeTensor(tensor: StoredTensor): Uint8Array {
  const writer = new Writer(tensorSize(tensor) + 64);
  writeTensor(writer, tensor);
  return writer.finish();
}

/** Reads a file that holds one TypeProto. */
export function decodeType(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): ValueType {
  return readType(new Reader(bytes, { ...DEFAULT_LIMITS, ...limits }));
}
