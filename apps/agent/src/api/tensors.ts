/**
 * Tensors of the Open Inference Protocol v2: data type names, the little-endian binary form of the binary tensor data
 * extension. BYTES elements are carried as byte strings until it is known what they mean. What a tensor cannot hold is
 * refused, never changed.
 */
import { elementCount, type Tensor, type TensorData } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { textFrom } from './text.js';

export type CarriedType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string';

interface Row {
  /** OIP v2, "Tensor Data Types". */
  oip: string;
  /** Bytes an element; 0 where elements differ in size. */
  size: number;
  view: (buffer: ArrayBuffer) => TensorData[CarriedType];
}

/** One row for each element type that the runtime carries. */
const rows: Readonly<Record<CarriedType, Row>> = {
  float32: { oip: 'FP32', size: 4, view: (b) => new Float32Array(b) },
  float64: { oip: 'FP64', size: 8, view: (b) => new Float64Array(b) },
  float16: { oip: 'FP16', size: 2, view: (b) => new Uint16Array(b) },
  int8: { oip: 'INT8', size: 1, view: (b) => new Int8Array(b) },
  uint8: { oip: 'UINT8', size: 1, view: (b) => new Uint8Array(b) },
  int16: { oip: 'INT16', size: 2, view: (b) => new Int16Array(b) },
  uint16: { oip: 'UINT16', size: 2, view: (b) => new Uint16Array(b) },
  int32: { oip: 'INT32', size: 4, view: (b) => new Int32Array(b) },
  uint32: { oip: 'UINT32', size: 4, view: (b) => new Uint32Array(b) },
  int64: { oip: 'INT64', size: 8, view: (b) => new BigInt64Array(b) },
  uint64: { oip: 'UINT64', size: 8, view: (b) => new BigUint64Array(b) },
  bool: { oip: 'BOOL', size: 1, view: (b) => new Uint8Array(b) },
  string: { oip: 'BYTES', size: 0, view: () => [] },
};

const byOip = new Map(Object.entries(rows).map(([dtype, row]) => [row.oip, dtype as CarriedType]));

export function oipName(dtype: string): string {
  return (rows as Readonly<Record<string, Row>>)[dtype]?.oip ?? dtype.toUpperCase();
}

/** @throws AgentError `REQUEST_INVALID` */
export function dtypeOf(oip: string): CarriedType {
  const dtype = byOip.get(oip);
  if (dtype) return dtype;
  throw invalid(`datatype ${JSON.stringify(oip)} is not one of ${[...byOip.keys()].join(', ')}`);
}

function invalid(message: string): AgentError {
  return new AgentError('REQUEST_INVALID', message);
}

/**
 * A tensor from its little-endian bytes; the bytes are copied, because views need alignment.
 * @throws AgentError `REQUEST_INVALID` when their number does not fit the shape
 */
export function tensorFromBytes(dtype: CarriedType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const count = elementCount(dims);
  if (dtype === 'string') {
    const elements = bytesElements(bytes);
    if (elements.length !== count) throw invalid(`${elements.length} elements for the shape [${dims.join(', ')}]`);
    return { dtype, dims, data: elements.map((element, i) => textFrom(element, `element ${i}`)) };
  }
  const { size, view } = rows[dtype];
  if (bytes.length !== count * size) {
    throw invalid(`${bytes.length} bytes for ${count} elements of ${oipName(dtype)}, expected ${count * size}`);
  }
  if (dtype === 'bool') checkBool(bytes);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return { dtype, dims, data: view(copy.buffer) } as Tensor;
}

/** OIP v2, "Tensor Data Types": BOOL is 0 or 1. */
function checkBool(bytes: Uint8Array): void {
  const wrong = bytes.findIndex((byte) => byte > 1);
  if (wrong >= 0) throw invalid(`element ${wrong} is ${bytes[wrong]!}: a BOOL is 0 or 1`);
}

/** A view on elements of a type, for numbers. */
export function viewOf(dtype: CarriedType, count: number): TensorData[CarriedType] {
  return rows[dtype].view(new ArrayBuffer(count * rows[dtype].size));
}

/** BYTES in binary: each element is its length (u32) and its bytes. @throws AgentError `REQUEST_INVALID` */
export function bytesElements(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 4 > bytes.length) throw invalid('BYTES data ends within the length of an element');
    const length = view.getUint32(at, true);
    at += 4;
    if (at + length > bytes.length) throw invalid('BYTES data ends within an element');
    elements.push(bytes.subarray(at, at + length));
    at += length;
  }
  return elements;
}

/** The binary form of a tensor; of numbers a view, not a copy. */
export function tensorToBytes(tensor: Tensor): Uint8Array {
  if (tensor.dtype !== 'string') {
    const { buffer, byteOffset, byteLength } = tensor.data;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const parts: Uint8Array[] = [];
  for (const text of tensor.data) {
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}
