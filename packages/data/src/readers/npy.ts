/**
 * NumPy's NPY format 1.0 to 3.0 (numpy.lib.format) and NPZ, a ZIP of them. Object arrays (pickles) are refused.
 */
import { unzipSync } from 'fflate';
import { readBytes } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import type { Elements, Part } from '../samples.js';
import { numberedLabels } from './labels.js';
import type { OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';

export interface NpyArray {
  dims: number[];
  data: Elements;
}

interface NpyHeader {
  descr: string;
  fortran: boolean;
  dims: number[];
  start: number;
}

function header(bytes: Uint8Array, name: string): NpyHeader {
  const magic =
    bytes.length >= 12 && bytes[0] === 0x93 && Buffer.from(bytes.subarray(1, 6)).toString('latin1') === 'NUMPY';
  if (!magic) throw new DataError('malformed', `'${name}' is no NPY array`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (bytes[6] as number) >= 2;
  const start = (long ? 12 : 10) + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const text = Buffer.from(bytes.subarray(long ? 12 : 10, start)).toString('utf8');
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw new DataError('malformed', `'${name}' has an NPY header that gives no plain descr, fortran_order and shape`);
  }
  const dims = shape
    .split(',')
    .map((d) => d.trim())
    .filter((d) => d !== '')
    .map(Number);
  if (dims.some((d) => !Number.isInteger(d) || d < 0))
    throw new DataError('malformed', `'${name}' has the shape (${shape})`);
  return { descr, fortran: order === 'True', dims, start };
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

type Getter = (view: DataView, at: number, little: boolean) => number;

const elementTypes: Record<string, { size: number; get: Getter }> = {
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

/** Position in row-major order of the element at `index` of column-major (Fortran) order. */
function rowMajor(index: number, dims: readonly number[]): number {
  let rest = index;
  let at = 0;
  const strides = dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1));
  dims.forEach((d, i) => {
    at += (rest % d) * (strides[i] as number);
    rest = Math.floor(rest / d);
  });
  return at;
}

/** @throws DataError `malformed` for broken or truncated arrays, pickles and element types that are no numbers. */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const { descr, fortran, dims, start } = header(bytes, name);
  const type = elementTypes[descr.slice(1)];
  if (!type)
    throw new DataError('malformed', `'${name}' holds elements of type '${descr}', expected numbers or booleans`);
  const count = dims.reduce((a, b) => a * b, 1);
  if (bytes.length < start + count * type.size) {
    throw new DataError(
      'malformed',
      `'${name}' has ${bytes.length - start} bytes of data, its header says ${count * type.size}`,
    );
  }
  const body = bytes.slice(start, start + count * type.size);
  if (!fortran && (descr === '|u1' || descr === '|b1')) return { dims, data: body };
  if (!fortran && descr === '<f4') return { dims, data: new Float32Array(body.buffer) };
  const view = new DataView(body.buffer);
  const little = descr[0] !== '>';
  const data = type.size === 1 && descr !== '|i1' ? new Uint8Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) data[fortran ? rowMajor(i, dims) : i] = type.get(view, i * type.size, little);
  return { dims, data };
}

/** Arrays of an NPZ by name, `.npy` taken off. */
export async function readNpzArrays(path: string, maxBytes?: number): Promise<Map<string, NpyArray>> {
  const bytes = await readBytes(path, maxBytes);
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: (file) => {
        total += file.originalSize;
        if (maxBytes !== undefined && total > maxBytes) {
          throw new DataError('too-large', `'${path}' unpacks to more than ${maxBytes} bytes`);
        }
        return file.name.endsWith('.npy');
      },
    });
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('malformed', `'${path}' is no readable NPZ: ${messageOf(cause)}`, { cause });
  }
  return new Map(Object.entries(files).map(([name, file]) => [name.slice(0, -4), parseNpy(file, `${path}:${name}`)]));
}

const sources: readonly { x: string; y: string; part: Part | null }[] = [
  { x: 'x', y: 'y', part: null },
  { x: 'X', y: 'y', part: null },
  { x: 'x_train', y: 'y_train', part: 'train' },
  { x: 'x_val', y: 'y_val', part: 'validation' },
  { x: 'x_test', y: 'y_test', part: 'test' },
];

/** Reads `x` and `y`, or `x_train`/`y_train` and so on, which then give the parts. */
export async function readNpz(path: string, options: OpenOptions): Promise<RawDataset> {
  const arrays = await readNpzArrays(path, options.maxBytes);
  const found = sources.filter((s) => arrays.has(s.x) && arrays.has(s.y));
  const chosen = found.some((s) => s.part === null) ? found.filter((s) => s.part === null).slice(0, 1) : found;
  if (chosen.length === 0) {
    throw new DataError(
      'missing-part',
      `'${path}' needs the arrays x and y (or x_train, y_train, x_test, y_test); it has ${[...arrays.keys()].join(', ')}`,
    );
  }
  const first = arrays.get(chosen[0]?.x as string) as NpyArray;
  const shape = first.dims.length > 1 ? first.dims.slice(1) : [1];
  const problems: string[] = [];
  const xs: Elements[] = [];
  const ys: number[] = [];
  const parts: Part[] = [];
  for (const source of chosen) {
    const x = arrays.get(source.x) as NpyArray;
    const y = arrays.get(source.y) as NpyArray;
    if (x.dims.slice(1).join() !== first.dims.slice(1).join())
      problems.push(`${source.x} has samples of another shape than ${chosen[0]?.x}`);
    if (y.data.length !== x.dims[0])
      problems.push(`${source.x} has ${x.dims[0]} samples, ${source.y} has ${y.data.length}`);
    if (y.data.some((c) => !Number.isInteger(c) || c < 0))
      problems.push(`${source.y} holds values that are no class indices`);
    xs.push(x.data);
    for (const c of y.data) ys.push(c);
    if (source.part) for (let i = 0; i < y.data.length; i++) parts.push(source.part);
  }
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
  const length = xs.reduce((n, x) => n + x.length, 0);
  const x = xs.every((part) => part instanceof Uint8Array) ? new Uint8Array(length) : new Float32Array(length);
  let at = 0;
  for (const part of xs) {
    x.set(part, at);
    at += part.length;
  }
  const y = Int32Array.from(ys);
  return { kind: 'arrays', format: 'npz', x, shape, y, labels: numberedLabels(y), ...(parts.length > 0 && { parts }) };
}
