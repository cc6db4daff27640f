/**
 * NPY arrays with the elements as they were stored: no type is turned into another, as what a model is fed must be.
 */
import { basename } from 'node:path';
import { readBytes } from '../bytes.js';
import { DataError } from '../errors.js';
import { npyHeader, rowMajor, unpackNpz } from './npy.js';

type Numbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** An array in row-major order. `dtype` is the word of ONNX for NumPy's; float16 is held as bit patterns. */
export interface TypedArray {
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data: Numbers | readonly string[];
}

const types: Readonly<Record<string, { dtype: string; make: (buffer: ArrayBuffer) => Numbers }>> = {
  b1: { dtype: 'bool', make: (b) => new Uint8Array(b) },
  u1: { dtype: 'uint8', make: (b) => new Uint8Array(b) },
  i1: { dtype: 'int8', make: (b) => new Int8Array(b) },
  u2: { dtype: 'uint16', make: (b) => new Uint16Array(b) },
  i2: { dtype: 'int16', make: (b) => new Int16Array(b) },
  u4: { dtype: 'uint32', make: (b) => new Uint32Array(b) },
  i4: { dtype: 'int32', make: (b) => new Int32Array(b) },
  u8: { dtype: 'uint64', make: (b) => new BigUint64Array(b) },
  i8: { dtype: 'int64', make: (b) => new BigInt64Array(b) },
  f2: { dtype: 'float16', make: (b) => new Uint16Array(b) },
  f4: { dtype: 'float32', make: (b) => new Float32Array(b) },
  f8: { dtype: 'float64', make: (b) => new Float64Array(b) },
};

/** Bytes of `count` elements in little-endian and row-major order. */
function ordered(
  body: Uint8Array,
  width: number,
  unit: number,
  big: boolean,
  place?: (i: number) => number,
): Uint8Array {
  const out = new Uint8Array(body.length);
  for (let i = 0; i * width < body.length; i++) {
    const to = (place ? place(i) : i) * width;
    for (let k = 0; k < width; k++) {
      const inUnit = k % unit;
      out[to + k] = body[i * width + (big ? k - inUnit + (unit - 1 - inUnit) : k)] as number;
    }
  }
  return out;
}

/** UCS-4 characters, zeros at the end left out, as NumPy stores text. */
function textOf(bytes: Uint8Array, characters: number): string[] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / (4 * characters) }, (_, i) => {
    const codes = Array.from({ length: characters }, (_, k) => view.getUint32(4 * (i * characters + k), true));
    return String.fromCodePoint(...codes).replace(/\0+$/, '');
  });
}

/** @throws DataError `malformed` for broken or truncated arrays, pickles, and types that are neither numbers nor text */
export function parseTypedNpy(bytes: Uint8Array, name: string): TypedArray {
  const { descr, fortran, dims, start } = npyHeader(bytes, name);
  const kind = descr.slice(1);
  const type = Object.hasOwn(types, kind) ? types[kind] : undefined;
  const characters = /^U([0-9]+)$/.exec(kind)?.[1];
  if (!type && !characters)
    throw new DataError('malformed', `'${name}' holds elements of type '${descr}', expected numbers, booleans or text`);
  const width = type ? Number(kind.slice(1)) : 4 * Number(characters);
  const count = dims.reduce((a, b) => a * b, 1);
  if (!(bytes.length >= start + count * width))
    throw new DataError(
      'malformed',
      `'${name}' has ${bytes.length - start} bytes of data, its header says ${count * width}`,
    );
  const body = bytes.subarray(start, start + count * width);
  const place = fortran ? (i: number): number => rowMajor(i, dims) : undefined;
  const raw = ordered(body, width, type ? width : 4, descr.startsWith('>'), place);
  if (!type)
    return { dtype: 'string', dims, data: width === 0 ? Array<string>(count).fill('') : textOf(raw, width / 4) };
  return { dtype: type.dtype, dims, data: type.make(raw.buffer as ArrayBuffer) };
}

/**
 * The arrays of an NPZ by name, or the one of an NPY under the file's own name.
 * @throws DataError `not-found`, `malformed`, `too-large`
 */
export async function readTypedArrays(path: string): Promise<Map<string, TypedArray>> {
  if (!/\.npz$/i.test(path))
    return new Map([[basename(path).replace(/\.npy$/i, ''), parseTypedNpy(await readBytes(path), path)]]);
  const files = await unpackNpz(path);
  return new Map([...files].map(([name, file]) => [name, parseTypedNpy(file, `${path}:${name}.npy`)]));
}
