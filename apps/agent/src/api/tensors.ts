/**
 * Tensors of the Open Inference Protocol v2: data type names, the little-endian binary form of the binary tensor data
 * extension, and the JSON form. BYTES elements are carried as byte strings until it is known what they mean.
 */
import { elementCount, type Tensor, type TensorData } from '@verge/onnx';
import { AgentError } from '../errors.js';

type CarriedType =
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
    const decoder = new TextDecoder();
    return { dtype, dims, data: elements.map((element) => decoder.decode(element)) };
  }
  const { size, view } = rows[dtype];
  if (bytes.length !== count * size) {
    throw invalid(`${bytes.length} bytes for ${count} elements of ${oipName(dtype)}, expected ${count * size}`);
  }
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return { dtype, dims, data: view(copy.buffer) } as Tensor;
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

/** Flattens nested arrays, row-major. OIP v2: data is either flat or nested as the shape says. */
function flatten(data: unknown, into: unknown[]): unknown[] {
  if (!Array.isArray(data)) throw invalid('data: expected an array');
  // Iterative over the common flat case; nesting is as deep as the shape, not as the data is long.
  for (const item of data) {
    if (Array.isArray(item)) flatten(item, into);
    else into.push(item);
  }
  return into;
}

/** The elements of a JSON tensor, flat. @throws AgentError `REQUEST_INVALID` */
export function jsonElements(dims: readonly number[], data: unknown): unknown[] {
  const flat = Array.isArray(data) && !Array.isArray(data[0]) ? (data as unknown[]) : flatten(data, []);
  const count = elementCount(dims);
  if (flat.length !== count)
    throw invalid(`${flat.length} elements for the shape [${dims.join(', ')}], expected ${count}`);
  return flat;
}

const integerRange: Partial<Record<CarriedType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

/** @throws AgentError `REQUEST_INVALID` for elements that the type cannot hold, instead of a silent change */
export function tensorFromJson(dtype: CarriedType, dims: readonly number[], data: unknown): Tensor {
  const flat = jsonElements(dims, data);
  const at = (i: number): string => `data[${i}] (${String(JSON.stringify(flat[i])).slice(0, 40)})`;
  if (dtype === 'string') {
    const wrong = flat.findIndex((value) => typeof value !== 'string');
    if (wrong >= 0) throw invalid(`${at(wrong)}: expected a string`);
    return { dtype, dims, data: flat as string[] };
  }
  // The binary tensor data extension: FP16 has no JSON form.
  if (dtype === 'float16') throw invalid('FP16 has no JSON form; send it as binary tensor data');
  if (dtype === 'bool') {
    const wrong = flat.findIndex((value) => typeof value !== 'boolean' && value !== 0 && value !== 1);
    if (wrong >= 0) throw invalid(`${at(wrong)}: expected true or false`);
    return { dtype, dims, data: Uint8Array.from(flat, (value) => (value ? 1 : 0)) };
  }
  const range = integerRange[dtype];
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i];
    const fits =
      typeof value === 'number' && (!range || (Number.isInteger(value) && value >= range[0] && value <= range[1]));
    if (!fits) throw invalid(`${at(i)}: expected ${range ? `an integer from ${range[0]} to ${range[1]}` : 'a number'}`);
  }
  if (dtype === 'int64') return { dtype, dims, data: BigInt64Array.from(flat as number[], BigInt) };
  if (dtype === 'uint64') return { dtype, dims, data: BigUint64Array.from(flat as number[], BigInt) };
  const typed = rows[dtype].view(new ArrayBuffer(flat.length * rows[dtype].size)) as Float32Array;
  typed.set(flat as number[]);
  return { dtype, dims, data: typed } as Tensor;
}

/** @throws AgentError `REQUEST_UNSUPPORTED` for values that JSON cannot say */
export function tensorToJson(name: string, tensor: Tensor): unknown[] {
  const refuse = (why: string): never => {
    throw new AgentError('REQUEST_UNSUPPORTED', `output ${name} ${why}; ask for it with "binary_data": true`);
  };
  switch (tensor.dtype) {
    case 'string':
      return [...tensor.data];
    case 'bool':
      return Array.from(tensor.data, (v) => v !== 0);
    case 'int64':
    case 'uint64':
      return Array.from(tensor.data, (v) =>
        v >= Number.MIN_SAFE_INTEGER && v <= Number.MAX_SAFE_INTEGER ? Number(v) : refuse('has integers beyond 2^53'),
      );
    case 'float32':
    case 'float64':
      return Array.from(tensor.data, (v) => (Number.isFinite(v) ? v : refuse('has numbers that are not finite')));
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
      return Array.from(tensor.data);
    default:
      return refuse(`is ${oipName(tensor.dtype)}, which has no JSON form`);
  }
}
