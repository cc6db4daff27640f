/** What is known about each element type: its number in TensorProto.DataType, its width and how it is held. */
import { isLazy } from './lazy.js';
import { elementCount, type DataType, type Tensor, type TensorData } from './tensor.js';

/** How elements lie in memory and, for the typed fields of TensorProto, which field carries them. */
export interface DataTypeRow {
  /** TensorProto.DataType (onnx.proto of ONNX 1.22). */
  readonly code: number;
  /** Width of one element in bits; 0 for strings, which have no fixed width. */
  readonly bits: number;
  /** Bytes of one entry of the typed array that holds the elements. */
  readonly entry: number;
  /** The typed field of TensorProto that may carry the data instead of raw_data. */
  readonly field: 'float' | 'int32' | 'string' | 'int64' | 'double' | 'uint64';
  readonly family: 'float' | 'int' | 'uint' | 'bool' | 'string' | 'complex';
}

export const DATA_TYPES: { readonly [T in DataType]: DataTypeRow } = {
  float32: { code: 1, bits: 32, entry: 4, field: 'float', family: 'float' },
  uint8: { code: 2, bits: 8, entry: 1, field: 'int32', family: 'uint' },
  int8: { code: 3, bits: 8, entry: 1, field: 'int32', family: 'int' },
  uint16: { code: 4, bits: 16, entry: 2, field: 'int32', family: 'uint' },
  int16: { code: 5, bits: 16, entry: 2, field: 'int32', family: 'int' },
  int32: { code: 6, bits: 32, entry: 4, field: 'int32', family: 'int' },
  int64: { code: 7, bits: 64, entry: 8, field: 'int64', family: 'int' },
  string: { code: 8, bits: 0, entry: 1, field: 'string', family: 'string' },
  bool: { code: 9, bits: 8, entry: 1, field: 'int32', family: 'bool' },
  float16: { code: 10, bits: 16, entry: 2, field: 'int32', family: 'float' },
  float64: { code: 11, bits: 64, entry: 8, field: 'double', family: 'float' },
  uint32: { code: 12, bits: 32, entry: 4, field: 'uint64', family: 'uint' },
  uint64: { code: 13, bits: 64, entry: 8, field: 'uint64', family: 'uint' },
  complex64: { code: 14, bits: 64, entry: 4, field: 'float', family: 'complex' },
  complex128: { code: 15, bits: 128, entry: 8, field: 'double', family: 'complex' },
  bfloat16: { code: 16, bits: 16, entry: 2, field: 'int32', family: 'float' },
  float8e4m3fn: { code: 17, bits: 8, entry: 1, field: 'int32', family: 'float' },
  float8e4m3fnuz: { code: 18, bits: 8, entry: 1, field: 'int32', family: 'float' },
  float8e5m2: { code: 19, bits: 8, entry: 1, field: 'int32', family: 'float' },
  float8e5m2fnuz: { code: 20, bits: 8, entry: 1, field: 'int32', family: 'float' },
  uint4: { code: 21, bits: 4, entry: 1, field: 'int32', family: 'uint' },
  int4: { code: 22, bits: 4, entry: 1, field: 'int32', family: 'int' },
  float4e2m1: { code: 23, bits: 4, entry: 1, field: 'int32', family: 'float' },
  float8e8m0: { code: 24, bits: 8, entry: 1, field: 'int32', family: 'float' },
  uint2: { code: 25, bits: 2, entry: 1, field: 'int32', family: 'uint' },
  int2: { code: 26, bits: 2, entry: 1, field: 'int32', family: 'int' },
};

const byCode = new Map<number, DataType>(
  (Object.keys(DATA_TYPES) as DataType[]).map((dtype) => [DATA_TYPES[dtype].code, dtype]),
);

/** The element type of a TensorProto.DataType number, or null when there is none. */
export function dataTypeOf(code: number): DataType | null {
  return byCode.get(code) ?? null;
}

/** Bytes that `count` elements take as raw data; sub-byte types are packed and rounded up. Strings have none. */
export function byteLengthOf(dtype: DataType, count: number): number {
  return Math.ceil((count * DATA_TYPES[dtype].bits) / 8);
}

type Held = Exclude<TensorData[DataType], readonly string[]>;

const views: { readonly [T in Exclude<DataType, 'string'>]: (b: ArrayBufferLike, at: number, n: number) => Held } = {
  float32: (b, at, n) => new Float32Array(b, at, n),
  float64: (b, at, n) => new Float64Array(b, at, n),
  int8: (b, at, n) => new Int8Array(b, at, n),
  uint8: (b, at, n) => new Uint8Array(b, at, n),
  int16: (b, at, n) => new Int16Array(b, at, n),
  uint16: (b, at, n) => new Uint16Array(b, at, n),
  int32: (b, at, n) => new Int32Array(b, at, n),
  uint32: (b, at, n) => new Uint32Array(b, at, n),
  int64: (b, at, n) => new BigInt64Array(b, at, n),
  uint64: (b, at, n) => new BigUint64Array(b, at, n),
  bool: (b, at, n) => new Uint8Array(b, at, n),
  float16: (b, at, n) => new Uint16Array(b, at, n),
  bfloat16: (b, at, n) => new Uint16Array(b, at, n),
  complex64: (b, at, n) => new Float32Array(b, at, n),
  complex128: (b, at, n) => new Float64Array(b, at, n),
  float8e4m3fn: (b, at, n) => new Uint8Array(b, at, n),
  float8e4m3fnuz: (b, at, n) => new Uint8Array(b, at, n),
  float8e5m2: (b, at, n) => new Uint8Array(b, at, n),
  float8e5m2fnuz: (b, at, n) => new Uint8Array(b, at, n),
  float8e8m0: (b, at, n) => new Uint8Array(b, at, n),
  uint4: (b, at, n) => new Uint8Array(b, at, n),
  int4: (b, at, n) => new Uint8Array(b, at, n),
  float4e2m1: (b, at, n) => new Uint8Array(b, at, n),
  uint2: (b, at, n) => new Uint8Array(b, at, n),
  int2: (b, at, n) => new Uint8Array(b, at, n),
};

/**
 * A tensor over little-endian raw bytes (the layout of TensorProto.raw_data). The result shares memory with `bytes`
 * where their alignment permits and copies otherwise. The caller has checked that the length fits the shape.
 */
export function tensorOverBytes(
  dtype: Exclude<DataType, 'string'>,
  dims: readonly number[],
  bytes: Uint8Array,
): Tensor {
  const { entry } = DATA_TYPES[dtype];
  // Not slice(): that of a Node Buffer shares memory.
  const aligned = bytes.byteOffset % entry === 0 ? bytes : new Uint8Array(bytes);
  const data = views[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / entry);
  return { dtype, dims, data } as Tensor;
}

/** The raw little-endian bytes of a tensor that is not of strings, sharing its memory. */
export function rawBytes(tensor: Tensor): Uint8Array {
  if (tensor.dtype === 'string') throw new TypeError('a tensor of strings has no raw bytes');
  const { data } = tensor;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Bytes of the elements of a tensor; strings count their UTF-8 lengths. */
export function tensorBytes(tensor: Tensor): number {
  if (isLazy(tensor)) return byteLengthOf(tensor.dtype, elementCount(tensor.dims));
  if (tensor.dtype !== 'string') return tensor.data.byteLength;
  return tensor.data.reduce((sum, s) => sum + new TextEncoder().encode(s).length, 0);
}
