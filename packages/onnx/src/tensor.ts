/**
 * Tensors and element types.
 *
 * `DataType` names every element type of ONNX TensorProto.DataType (ONNX 1.22, onnx.proto, enum DataType).
 * Dense tensors carry their elements in the natural JavaScript typed array; the types JavaScript lacks carry raw
 * little-endian bytes (float16, bfloat16, float8*, 2- and 4-bit types packed as ONNX packs them, low bits first).
 */
export type DataType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2';

/** How the elements of each data type are held in memory. */
export interface TensorData {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** One byte an element, 0 or 1. */
  bool: Uint8Array;
  string: readonly string[];
  /** IEEE 754 binary16 bit patterns. */
  float16: Uint16Array;
  /** The upper 16 bits of a binary32. */
  bfloat16: Uint16Array;
  /** Interleaved real and imaginary parts. */
  complex64: Float32Array;
  complex128: Float64Array;
  float8e4m3fn: Uint8Array;
  float8e4m3fnuz: Uint8Array;
  float8e5m2: Uint8Array;
  float8e5m2fnuz: Uint8Array;
  float8e8m0: Uint8Array;
  /** Packed, two elements a byte, first element in the low nibble. */
  uint4: Uint8Array;
  int4: Uint8Array;
  float4e2m1: Uint8Array;
  /** Packed, four elements a byte, first element in the low bits. */
  uint2: Uint8Array;
  int2: Uint8Array;
}

export interface TensorOf<T extends DataType> {
  readonly dtype: T;
  /** Row-major shape; `[]` is a scalar. */
  readonly dims: readonly number[];
  readonly data: TensorData[T];
}

/** A dense tensor of any element type; narrow on `dtype`. */
export type Tensor = { [T in DataType]: TensorOf<T> }[DataType];

/** Number of elements of a shape. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const d of dims) count *= d;
  return count;
}

export function float32(dims: readonly number[], data: Float32Array | readonly number[]): TensorOf<'float32'> {
  return { dtype: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/**
 * A whole number as 64 bits hold it. 2^63 is what the largest of them, the usual "to the end" of a Slice, becomes as a number.
 * @throws RangeError for a number outside of 64 bits
 */
export function wholeNumber(value: number | bigint): bigint {
  const whole = value === 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
  if (BigInt.asIntN(64, whole) !== whole) throw new RangeError(`${value} is no integer of 64 bits`);
  return whole;
}

export function int64(dims: readonly number[], values: readonly (number | bigint)[]): TensorOf<'int64'> {
  return { dtype: 'int64', dims, data: BigInt64Array.from(values, wholeNumber) };
}
