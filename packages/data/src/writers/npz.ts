/** Arrays as NPY and NPZ files, as `numpy.save` and `numpy.savez` write them (NumPy, "NPY format", version 1.0). */
import { zipSync } from 'fflate';
import { DataError } from '../errors.js';
import type { TypedArray } from '../readers/npy-typed.js';

/** NumPy's words for element types, little-endian; those of one byte have no order. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  bool: '|b1',
  uint8: '|u1',
  int8: '|i1',
  uint16: '<u2',
  int16: '<i2',
  uint32: '<u4',
  int32: '<i4',
  uint64: '<u8',
  int64: '<i8',
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
};

const MAGIC = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0);
/** The data begin at a multiple of it. */
const ALIGNMENT = 64;
/** NumPy leaves room for the first size to grow to this many digits. */
const GROWTH = 21;

/**
 * One array as an NPY file.
 * @throws DataError `malformed` for text, and where dims and elements do not agree
 */
export function encodeNpy({ dtype, dims, data }: TypedArray): Uint8Array {
  const descr = Object.hasOwn(DESCRIPTIONS, dtype) ? DESCRIPTIONS[dtype] : undefined;
  if (!descr || !ArrayBuffer.isView(data))
    throw new DataError('malformed', `elements of type ${dtype} are not written as NPY`);
  const count = dims.reduce((a, b) => a * b, 1);
  if (data.length !== count)
    throw new DataError('malformed', `[${dims.join(', ')}] has ${count} elements, ${data.length} are given`);
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const room = ' '.repeat(dims.length > 0 ? Math.max(0, GROWTH - String(dims[0]).length) : 0);
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }${room}`;
  const before = MAGIC.length + 2;
  const length = Math.ceil((before + text.length + 1) / ALIGNMENT) * ALIGNMENT - before;
  const out = Buffer.alloc(before + length + data.byteLength);
  out.set(MAGIC);
  out.writeUInt16LE(length, MAGIC.length);
  out.write(`${text.padEnd(length - 1)}\n`, before, 'latin1');
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), before + length);
  return out;
}

/** The earliest moment that a ZIP file can say: the same arrays give the same bytes. */
const NO_TIME = new Date(1980, 0, 1);

/**
 * Arrays by name as one NPZ file, deflated.
 * @throws DataError as `encodeNpy`
 */
export function encodeNpz(arrays: Iterable<readonly [string, TypedArray]>): Uint8Array {
  const files = [...arrays].map(([name, array]) => [`${name}.npy`, encodeNpy(array)] as const);
  return zipSync(Object.fromEntries(files), { mtime: NO_TIME });
}
