/** Random inputs for a model: the same for the same seed, on every machine. */
import { byteLengthOf, DATA_TYPES, tensorOverBytes } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import { bfloat16Bits } from '../halves.js';
import type { Model } from '../ir.js';
import { elementCount, wholeNumber, type DataType, type Tensor } from '../tensor.js';
import { boundSizes, fedInputs, sizeKey, type FedInput } from './inputs.js';
import { knownWords } from './words.js';

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
  if (dtype === 'int64') return { dtype, dims, data: new BigInt64Array(n).fill(wholeNumber(Math.round(value))) };
  if (dtype === 'uint64') return { dtype, dims, data: new BigUint64Array(n).fill(BigInt(Math.round(value))) };
  if (dtype === 'float32') return { dtype, dims, data: new Float32Array(n).fill(value) };
  if (dtype === 'float64') return { dtype, dims, data: new Float64Array(n).fill(value) };
  if (dtype === 'bfloat16') return { dtype, dims, data: new Uint16Array(n).fill(bfloat16Bits(value)) };
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
  if (dtype === 'bfloat16')
    return { dtype, dims, data: Uint16Array.from({ length: n }, () => bfloat16Bits(next() * 2 - 1)) };
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

function drawnFrom(words: readonly string[], dims: readonly number[], next: () => number): Tensor {
  const word = (): string => words[Math.floor(next() * words.length)] ?? '';
  return { dtype: 'string', dims, data: Array.from({ length: elementCount(dims) }, word) };
}

export interface FeedOptions {
  /** 1 when absent. */
  seed?: number;
  /** Sizes of symbolic dimensions, and by `input[axis]` of those that have no name; 1 for those not named. */
  dims?: Readonly<Record<string, number>>;
  /** Whole shapes by input; their sizes count for every input that has the same symbols. */
  shapes?: Readonly<Record<string, readonly number[]>>;
  /** Values of inputs that random numbers do not suit. */
  given?: Readonly<Record<string, Tensor>>;
  /** Inputs whose elements are all this number, say a sampling rate. */
  fill?: Readonly<Record<string, number>>;
  /** Words that inputs of strings are drawn from (`knownWords`); "0" and "1" where there are none. */
  words?: Readonly<Record<string, readonly string[]>>;
  /** Makes the other values instead of random numbers. */
  make?: (dtype: DataType, dims: readonly number[], name: string) => Tensor;
}

/** Numbers are drawn for at most so many elements of all inputs together: 2^28 float32 are 1 GiB. */
export const MOST_ELEMENTS = 2 ** 28;

/** Shapes of the inputs that nobody gave a value for. */
function shapesOf(inputs: readonly FedInput[], options: FeedOptions): Map<string, readonly number[]> {
  const { dims = {}, shapes = {}, given = {} } = options;
  const ofValues = Object.fromEntries(Object.entries(given).map(([name, tensor]) => [name, tensor.dims]));
  const sizes = boundSizes(inputs, dims, { ...shapes, ...ofValues });
  const found = new Map<string, readonly number[]>();
  for (const input of inputs) {
    if (given[input.name]) continue;
    const shape = input.shape?.map((d, i) => (typeof d === 'number' ? d : (sizes[sizeKey(input, i)!] ?? 1)));
    const wanted = shapes[input.name] ?? shape;
    if (!wanted || !input.dtype)
      throw new OnnxError('unsupported', `input ${JSON.stringify(input.name)} is no tensor of known type and rank`);
    found.set(input.name, wanted);
  }
  return found;
}

/** Elements that would have to be drawn. @throws OnnxError as `drawFeeds` */
export function elementsToDraw(inputs: readonly FedInput[], options: FeedOptions = {}): number {
  return [...shapesOf(inputs, options).values()].reduce((sum, shape) => sum + elementCount(shape), 0);
}

/**
 * A value for each input.
 * @throws OnnxError `unsupported` for an input that is no tensor of known rank and of an element type drawn here, for a
 *   value given to no input, and for more than `MOST_ELEMENTS`
 */
export function drawFeeds(inputs: readonly FedInput[], options: FeedOptions = {}): Record<string, Tensor> {
  const { seed = 1, given = {}, fill = {}, words = {}, make } = options;
  const known = new Set(inputs.map((i) => i.name));
  const unknown = [...Object.keys(given), ...Object.keys(fill)].filter((name) => !known.has(name));
  if (unknown.length > 0) throw new OnnxError('unsupported', `the model has no input ${unknown.join(', ')}`);
  const shapes = shapesOf(inputs, options);
  const elements = [...shapes.values()].reduce((sum, shape) => sum + elementCount(shape), 0);
  if (elements > MOST_ELEMENTS) {
    const each = [...shapes].map(([name, shape]) => `'${name}' [${shape.join(', ')}]`).join(', ');
    throw new OnnxError(
      'unsupported',
      `inputs of ${elements.toLocaleString('en')} elements are not drawn, ${MOST_ELEMENTS.toLocaleString('en')} are the most: ${each}`,
    );
  }
  const next = generator(seed);
  const feeds: Record<string, Tensor> = {};
  for (const { name, dtype } of inputs) {
    const [tensor, value, shape] = [given[name], fill[name], shapes.get(name)];
    if (tensor) feeds[name] = tensor;
    else if (!shape || !dtype) continue;
    else if (value !== undefined) feeds[name] = filled(name, dtype, shape, value);
    else if (dtype === 'string' && words[name]) feeds[name] = drawnFrom(words[name], shape, next);
    else feeds[name] = make ? make(dtype, shape, name) : randomTensor(name, dtype, shape, next);
  }
  return feeds;
}

/** `drawFeeds` for each input of a model that has no default. */
export function randomFeeds(model: Model, options: FeedOptions = {}): Record<string, Tensor> {
  return drawFeeds(fedInputs(model), { words: knownWords(model), ...options });
}
