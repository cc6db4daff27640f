/** Test support: the arrays of an NPZ, with the element types that they were stored with. */
import { inflateRawSync } from 'node:zlib';
import { tensorOverBytes } from '../datatypes.js';
import type { DataType, Tensor } from '../tensor.js';

const DTYPES: Readonly<Record<string, Exclude<DataType, 'string'>>> = {
  '|b1': 'bool',
  '|i1': 'int8',
  '|u1': 'uint8',
  '<i2': 'int16',
  '<u2': 'uint16',
  '<i4': 'int32',
  '<u4': 'uint32',
  '<i8': 'int64',
  '<u8': 'uint64',
  '<f2': 'float16',
  '<f4': 'float32',
  '<f8': 'float64',
};

/** The strings of an object array that NumPy pickled (protocol 4 and before: BINUNICODE and SHORT_BINUNICODE). */
function pickledStrings(body: Buffer, count: number): string[] {
  const found: string[] = [];
  for (let at = 0; at < body.length; at++) {
    const long = body[at] === 0x58;
    if (!long && body[at] !== 0x8c) continue;
    const [start, length] = long ? [at + 5, body.readUInt32LE(at + 1)] : [at + 2, body[at + 1]!];
    if (start + length > body.length) continue;
    found.push(body.toString('utf8', start, start + length));
    at = start + length - 1;
  }
  // The names of NumPy's own classes and the element type come first.
  return found.slice(-count);
}

function parseArray(bytes: Buffer): Tensor {
  const long = bytes[6]! >= 2;
  const start = (long ? 12 : 10) + (long ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const text = bytes.toString('latin1', long ? 12 : 10, start);
  const descr = /'descr': '([^']+)'/.exec(text)![1]!;
  if (!text.includes("'fortran_order': False")) throw new Error('the array is not in row-major order');
  const dims = [...(/'shape': \(([^)]*)\)/.exec(text)?.[1] ?? '').matchAll(/\d+/g)].map(Number);
  const count = dims.reduce((n, d) => n * d, 1);
  if (descr === '|O') return { dtype: 'string', dims, data: pickledStrings(bytes.subarray(start), count) };
  const dtype = DTYPES[descr];
  if (!dtype) throw new Error(`arrays of ${descr} are not read`);
  return tensorOverBytes(dtype, dims, new Uint8Array(bytes.subarray(start)));
}

/** The arrays of an NPZ by name (APPNOTE.TXT of ZIP: central directory, stored and deflated entries). */
export function parseNpz(bytes: Buffer): Record<string, Tensor> {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const arrays: Record<string, Tensor> = {};
  for (let i = 0, at = bytes.readUInt32LE(end + 16); i < bytes.readUInt16LE(end + 10); i++) {
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const local = bytes.readUInt32LE(at + 42);
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(from, from + bytes.readUInt32LE(at + 20));
    const body = bytes.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed);
    arrays[bytes.toString('utf8', at + 46, at + 46 + name).replace(/\.npy$/, '')] = parseArray(body);
    at += 46 + name + extra + comment;
  }
  return arrays;
}
