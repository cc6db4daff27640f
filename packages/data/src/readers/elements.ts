/** Element types of stored arrays, named as NumPy names them: byte order ('<', '>' or '|'), kind and bytes. */
import type { Elements } from '../samples.js';

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

type Getter = (view: DataView, at: number, little: boolean) => number;

const types: Readonly<Record<string, { size: number; get: Getter }>> = {
  b1: { size: 1, get: (v, at) => v.getUint8(at) },
  u1: { size: 1, get: (v, at) => v.getUint8(at) },
  i1: { size: 1, get: (v, at) => v.getInt8(at) },
  u2: { size: 2, get: (v, at, l) => v.getUint16(at, l) },
  i2: { size: 2, get: (v, at, l) => v.getInt16(at, l) },
  u4: { size: 4, get: (v, at, l) => v.getUint32(at, l) },
  i4: { size: 4, get: (v, at, l) => v.getInt32(at, l) },
  u8: { size: 8, get: (v, at, l) => Number(v.getBigUint64(at, l)) },
  i8: { size: 8, get: (v, at, l) => Number(v.getBigInt64(at, l)) },
  f2: { size: 2, get: (v, at, l) => half(v.getUint16(at, l)) },
  f4: { size: 4, get: (v, at, l) => v.getFloat32(at, l) },
  f8: { size: 8, get: (v, at, l) => v.getFloat64(at, l) },
};

/** Bytes of one element; undefined for types that are no numbers or booleans. */
export const elementBytes = (descr: string): number | undefined =>
  Object.hasOwn(types, descr.slice(1)) ? types[descr.slice(1)]?.size : undefined;

/** Whether elements of the type stay 8-bit when they are read; all others become float32. */
export const isByteType = (descr: string): boolean => descr.slice(1) === 'u1' || descr.slice(1) === 'b1';

/**
 * @param bytes exactly `count` elements of the type `descr`, which must be one that `elementBytes` knows
 * @param place where element i goes; i when absent
 * @returns a copy
 */
export function decodeElements(
  bytes: Uint8Array,
  descr: string,
  count: number,
  place?: (index: number) => number,
): Elements {
  const type = types[descr.slice(1)] as { size: number; get: Getter };
  // Not bytes.slice(): of a Buffer that is a view.
  if (!place && isByteType(descr)) return new Uint8Array(bytes);
  if (!place && descr === '<f4') return new Float32Array(new Uint8Array(bytes).buffer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = descr[0] !== '>';
  const data = isByteType(descr) ? new Uint8Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) data[place ? place(i) : i] = type.get(view, i * type.size, little);
  return data;
}
