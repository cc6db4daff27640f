/** Elements of constant tensors as numbers, and the rounding of each element type. */
import { DATA_TYPES } from '../datatypes.js';
import { type DataType, elementCount, type Tensor } from '../tensor.js';
import type { Dim } from '../ir.js';
import type { Shape } from './dims.js';

/** Longer tensors are data, not shapes. */
export const MOST_ELEMENTS = 1024;

/** A binary16 or, with 8 exponent bits, a bfloat16 bit pattern as a number. */
function fromBits16(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias);
}

/** The elements of a small tensor of numbers or booleans of at least a byte each; null for others. */
export function elementsOfTensor(tensor: Tensor): Shape | null {
  // By its sizes: the elements of a large tensor may be on a disk.
  if (elementCount(tensor.dims) > MOST_ELEMENTS) return null;
  const { dtype, data } = tensor;
  if (dtype === 'float16') return Array.from(data, (b) => fromBits16(b, 5));
  if (dtype === 'bfloat16') return Array.from(data, (b) => fromBits16(b, 8));
  if (dtype === 'float32' || dtype === 'float64') return Array.from(data);
  const { family, bits } = DATA_TYPES[dtype];
  if (family === 'string' || family === 'complex' || family === 'float' || bits < 8) return null;
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

const SIGNIFICANT_BITS: Readonly<Partial<Record<DataType, number>>> = { float16: 11, bfloat16: 8 };

/** To so many significant bits, ties to even. */
function roundTo(value: number, bits: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits + 1);
  const whole = Math.floor(value / unit);
  const rest = value / unit - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 !== 0);
  return (up ? whole + 1 : whole) * unit;
}

/** Sizes between which float16 is normal; others are left unknown. */
const NORMAL16 = [2 ** -14, 65504] as const;

/** A result as an element of this type, or null where that is not a number that can be told here. */
export function asElement(value: Dim, dtype: DataType | null): Dim {
  if (typeof value !== 'number') return value;
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float64') return value;
  const bits = dtype ? SIGNIFICANT_BITS[dtype] : undefined;
  if (bits !== undefined) {
    const size = Math.abs(value);
    if (dtype === 'float16' && size !== 0 && !(size >= NORMAL16[0] && size <= NORMAL16[1])) return null;
    return roundTo(value, bits);
  }
  // What overflows wraps around in a way that no shape should depend on.
  return Number.isSafeInteger(value) ? value : null;
}

/** Whether elements of this type are integers or booleans. */
export function isInteger(dtype: DataType | null): boolean {
  return dtype !== null && ['int', 'uint', 'bool'].includes(DATA_TYPES[dtype].family);
}

/** Cast: floats lose their fraction on the way to integers, and all but zero is true (ONNX Cast). */
export function castElement(value: Dim, to: DataType | null): Dim {
  // A symbol is a size, which float32 and wider integers hold.
  if (typeof value !== 'number') return to === 'bool' || to === null || DATA_TYPES[to].bits < 32 ? null : value;
  if (to === 'bool') return value === 0 ? 0 : 1;
  if (!isInteger(to)) return asElement(value, to);
  const whole = Math.trunc(value);
  const { bits, family } = DATA_TYPES[to!];
  const [low, high] = family === 'uint' ? [0, 2 ** bits] : [-(2 ** (bits - 1)), 2 ** (bits - 1)];
  // Casts that do not fit are undefined.
  // The largest int64 is 2^63 as a number.
  return whole >= low && (whole < high || (bits === 64 && whole === high)) ? whole : null;
}
