/** Random inputs for a model: the same for the same seed, on every machine. */
import { byteLengthOf, DATA_TYPES, tensorOverBytes } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { Model } from '../ir.js';
import { elementCount, type DataType, type Tensor } from '../tensor.js';

/** Mulberry32: 32 bits of state, period 2^32; uniform in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A tensor of one number; the number is rounded to what the type holds. */
function filled(name: string, dtype: DataType, dims: readonly number[], value: number): Tensor {
  const n = elementCount(dims);
  if (dtype === 'int64') return { dtype, dims, data: new BigInt64Array(n).fill(BigInt(Math.round(value))) };
  if (dtype === 'uint64') return { dtype, dims, data: new BigUint64Array(n).fill(BigInt(Math.round(value))) };
  if (dtype === 'float32') return { dtype, dims, data: new Float32Array(n).fill(value) };
  if (dtype === 'float64') return { dtype, dims, data: new Float64Array(n).fill(value) };
  const row = DATA_TYPES[dtype];
  if (row.bits >= 8 && (row.family === 'int' || row.family === 'uint' || row.family === 'bool')) {
    const tensor = tensorOverBytes(dtype as Exclude<DataType, 'string'>, dims, new Uint8Array(byteLengthOf(dtype, n)));
    (tensor.data as Int32Array).fill(Math.round(value));
    return tensor;
  }
  throw new OnnxError('unsupported', `input ${JSON.stringify(name)} is of ${dtype}, which is not filled with a number`);
}

/** Floats in [-1, 1), whole numbers and truth values 0 or 1 (which are also legal indices nearly everywhere). */
function randomTensor(name: string, dtype: DataType, dims: readonly number[], next: () => number): Tensor {
  const n = elementCount(dims);
  const bit = (): number => (next() < 0.5 ? 0 : 1);
  if (dtype === 'float32') return { dtype, dims, data: Float32Array.from({ length: n }, () => next() * 2 - 1) };
  if (dtype === 'float64') return { dtype, dims, data: Float64Array.from({ length: n }, () => next() * 2 - 1) };
  if (dtype === 'string') return { dtype, dims, data: Array.from({ length: n }, () => String(bit())) };
  if (dtype === 'int64') return { dtype, dims, data: BigInt64Array.from({ length: n }, () => BigInt(bit())) };
  if (dtype === 'uint64') return { dtype, dims, data: BigUint64Array.from({ length: n }, () => BigInt(bit())) };
  if (dtype === 'float16') {
    // Sign, and an exponent field of 8 to 14 with a random fraction: magnitudes from 2^-7 up to 1.
    const half = (): number => (bit() << 15) | ((8 + Math.floor(next() * 7)) << 10) | Math.floor(next() * 1024);
    return { dtype, dims, data: Uint16Array.from({ length: n }, half) };
  }
  if (DATA_TYPES[dtype].bits < 8 || DATA_TYPES[dtype].family === 'float' || DATA_TYPES[dtype].family === 'complex') {
    throw new OnnxError('unsupported', `input ${JSON.stringify(name)} is of ${dtype}: give a value for it`);
  }
  const bytes = new Uint8Array(byteLengthOf(dtype, n));
  const width = DATA_TYPES[dtype].entry;
  for (let i = 0; i < n; i++) bytes[i * width] = bit();
  return tensorOverBytes(dtype, dims, bytes);
}

export interface FeedOptions {
  /** 1 when absent. */
  seed?: number;
  /** Sizes of symbolic dimensions; 1 for those not named, and for sizes that have no name. */
  dims?: Readonly<Record<string, number>>;
  /** Values of inputs that random numbers do not suit. */
  given?: Readonly<Record<string, Tensor>>;
  /** Inputs whose elements are all this number, say a sampling rate. */
  fill?: Readonly<Record<string, number>>;
}

/**
 * A value for each input that has no default.
 * @throws OnnxError `unsupported` for an input that is no tensor of known rank and of an element type drawn here, and
 *   for a value given to no input
 */
export function randomFeeds(model: Model, options: FeedOptions = {}): Record<string, Tensor> {
  const { seed = 1, dims = {}, given = {}, fill = {} } = options;
  const inputs = new Set(model.graph.inputs.map((i) => i.name));
  const unknown = [...Object.keys(given), ...Object.keys(fill)].filter((name) => !inputs.has(name));
  if (unknown.length > 0) throw new OnnxError('unsupported', `the model has no input ${unknown.join(', ')}`);
  const next = generator(seed);
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of model.graph.inputs) {
    if (model.graph.initializers.has(name)) continue;
    const tensor = given[name];
    if (tensor) feeds[name] = tensor;
    else if (type?.kind !== 'tensor' || !type.dtype || !type.shape) {
      throw new OnnxError('unsupported', `input ${JSON.stringify(name)} is no tensor of known type and rank`);
    } else {
      const sizes = type.shape.map((d) => (typeof d === 'number' ? d : d === null ? 1 : (dims[d] ?? 1)));
      const value = fill[name];
      feeds[name] =
        value === undefined ? randomTensor(name, type.dtype, sizes, next) : filled(name, type.dtype, sizes, value);
    }
  }
  return feeds;
}
