/** Parameters that a file holds in a narrower type than they are trained in: their numbers, and how new ones are written back. */
import {
  bfloat16Bits,
  bfloat16Value,
  elementCount,
  float16Bits,
  float16Value,
  float32,
  type DataType,
  type Graph,
  type StoredTensor,
  type Tensor,
} from '@verge/onnx';
import { TrainingError } from '../errors.js';

/** How one parameter is stored in the file. */
export interface StoredAs {
  readonly dtype: DataType;
  /**
   * New numbers in the file's type.
   * @param constants those of the file, where scales may have been trained, too
   * @throws TrainingError `diverged` for a number that the type cannot hold
   */
  write(values: Float32Array, constants: Graph['initializers']): Tensor;
}

const HALVES = {
  float16: { value: float16Value, bits: float16Bits },
  bfloat16: { value: bfloat16Value, bits: bfloat16Bits },
} as const;

export type Half = keyof typeof HALVES;

export const isHalf = (dtype: DataType | null | undefined): dtype is Half =>
  dtype === 'float16' || dtype === 'bfloat16';

export type HalfTensor = Tensor & { dtype: Half };

/** A tensor of halves as float32; every half is one. */
export function widenHalf(value: HalfTensor): Tensor & { dtype: 'float32' } {
  return float32(value.dims, Float32Array.from(value.data, HALVES[value.dtype].value));
}

export function storedAsHalf(name: string, dtype: Half, dims: readonly number[]): StoredAs {
  return {
    dtype,
    write(values) {
      const data = Uint16Array.from(values, HALVES[dtype].bits);
      const lost = values.findIndex((v, i) => Number.isFinite(v) && !Number.isFinite(HALVES[dtype].value(data[i]!)));
      if (lost >= 0)
        throw new TrainingError('diverged', `'${name}' is stored as ${dtype}, which cannot hold ${values[lost]}`);
      return { dtype, dims, data } as Tensor;
    },
  };
}

/** Whole numbers of a type: how many bits, and the range. */
const INTEGERS: Readonly<
  Partial<Record<DataType, { readonly bits: number; readonly low: number; readonly high: number }>>
> = {
  int2: { bits: 2, low: -2, high: 1 },
  uint2: { bits: 2, low: 0, high: 3 },
  int4: { bits: 4, low: -8, high: 7 },
  uint4: { bits: 4, low: 0, high: 15 },
  int8: { bits: 8, low: -128, high: 127 },
  uint8: { bits: 8, low: 0, high: 255 },
  int16: { bits: 16, low: -32768, high: 32767 },
  uint16: { bits: 16, low: 0, high: 65535 },
  int32: { bits: 32, low: -(2 ** 31), high: 2 ** 31 - 1 },
};

export const isQuantised = (dtype: DataType): boolean => Object.hasOwn(INTEGERS, dtype);

/** The whole numbers of a tensor; those of 2 and 4 bits lie packed in bytes, low bits first. */
function integersOf({ dtype, dims, data }: Tensor): number[] {
  const { bits, low } = INTEGERS[dtype]!;
  const bytes = data as ArrayLike<number>;
  if (bits >= 8) return Array.from(bytes);
  const each = 8 / bits;
  const mask = 2 ** bits - 1;
  return Array.from({ length: elementCount(dims) }, (_, i) => {
    const value = (bytes[Math.floor(i / each)]! >> (bits * (i % each))) & mask;
    return low < 0 && value > mask / 2 ? value - mask - 1 : value;
  });
}

function tensorOfIntegers(dtype: DataType, dims: readonly number[], values: readonly number[]): Tensor {
  const { bits } = INTEGERS[dtype]!;
  if (bits < 8) {
    const each = 8 / bits;
    const data = new Uint8Array(Math.ceil(values.length / each));
    values.forEach((v, i) => (data[Math.floor(i / each)]! |= (v & (2 ** bits - 1)) << (bits * (i % each))));
    return { dtype, dims, data } as Tensor;
  }
  const arrays = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array };
  return { dtype, dims, data: arrays[dtype as keyof typeof arrays].from(values) } as Tensor;
}

/** How DequantizeLinear reads a constant: (x - zero point) * scale. */
export interface Quantisation {
  readonly scale: string;
  /** Empty where it is 0. */
  readonly zero: string;
  readonly axis: number;
  /** 0 without blocks. */
  readonly blockSize: number;
}

const valueOf = (name: string, constants: Graph['initializers']): Tensor | undefined => {
  const value = constants.get(name)?.value;
  return value && 'data' in value ? value : undefined;
};

/** Which element of the scale and zero point belongs to each element of a tensor (DequantizeLinear-21). */
function spread(
  dims: readonly number[],
  { axis, blockSize }: Quantisation,
  scale: readonly number[],
): (i: number) => number {
  if (elementCount(scale) === 1) return () => 0;
  const at = axis < 0 ? axis + dims.length : axis;
  const inner = elementCount(dims.slice(at + 1));
  const size = dims[at]!;
  const place = (i: number): number => Math.floor(i / inner) % size;
  if (blockSize === 0) return place;
  const count = scale[at]!;
  return (i) => (Math.floor(i / (inner * size)) * count + Math.floor(place(i) / blockSize)) * inner + (i % inner);
}

interface Levels {
  readonly scale: (i: number) => number;
  readonly zero: (i: number) => number;
}

/** The scale and zero point of each element; undefined where the graph works them out. */
function levelsOf(dims: readonly number[], how: Quantisation, constants: Graph['initializers']): Levels | undefined {
  const scale = valueOf(how.scale, constants);
  const zero = how.zero === '' ? undefined : valueOf(how.zero, constants);
  if (scale?.dtype !== 'float32' || (how.zero !== '' && !zero)) return undefined;
  const at = spread(dims, how, scale.dims);
  const zeros = zero && integersOf(zero);
  return { scale: (i) => scale.data[at(i)]!, zero: (i) => zeros?.[at(i)] ?? 0 };
}

/** The numbers that a quantised constant stands for; undefined where its scale is no constant of float32. */
export function dequantised(
  { value }: StoredTensor,
  how: Quantisation,
  constants: Graph['initializers'],
): (Tensor & { dtype: 'float32' }) | undefined {
  const levels = 'data' in value ? levelsOf(value.dims, how, constants) : undefined;
  if (!levels) return undefined;
  const numbers = integersOf(value as Tensor).map((q, i) => (q - levels.zero(i)) * levels.scale(i));
  return float32(value.dims, numbers);
}

/** Halves go to the even one of two whole numbers that are as near (QuantizeLinear). */
function roundEven(x: number): number {
  const whole = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}

/** Scales that are worked out from the constants of a file. */
export type MadeScales = ReadonlyMap<string, (constants: Graph['initializers']) => Tensor | undefined>;

export function storedQuantised(
  name: string,
  dtype: DataType,
  dims: readonly number[],
  how: Quantisation,
  scales: MadeScales = new Map(),
): StoredAs {
  const { low, high } = INTEGERS[dtype]!;
  return {
    dtype,
    write(values, constants) {
      const scale = scales.get(how.scale)?.(constants);
      const all = scale ? new Map(constants).set(how.scale, { name: how.scale, value: scale }) : constants;
      const levels = levelsOf(dims, how, all)!;
      const integers = Array.from(values, (v, i) => roundEven(v / levels.scale(i)) + levels.zero(i));
      // Up to 16 bits the step has clipped as well (widen.ts); what it adds to 32 bits it adds unclipped.
      const lost = dtype === 'int32' ? integers.findIndex((q) => !(q >= low && q <= high)) : -1;
      if (lost >= 0)
        throw new TrainingError(
          'diverged',
          `'${name}' is stored as ${dtype} with a scale and cannot hold ${values[lost]}`,
        );
      return tensorOfIntegers(
        dtype,
        dims,
        integers.map((q) => Math.min(Math.max(q, low), high)),
      );
    },
  };
}

/** Zeros of an integer type. */
export const zerosOf = (dtype: DataType, dims: readonly number[]): Tensor =>
  tensorOfIntegers(dtype, dims, new Array<number>(elementCount(dims)).fill(0));
