import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTypedNpy, readTypedArrays, type TypedArray } from '../readers/npy-typed.js';
import { encodeNpy, encodeNpz } from './npz.js';

// Written by goldens/numpy_files.py: what `numpy.save` made of each array.
const golden = JSON.parse(readFileSync(new URL('../readers/numpy.golden.json', import.meta.url), 'utf8')) as {
  arrays: { name: string; npy: string }[];
};

const arrays: Record<string, TypedArray> = {
  float32: { dtype: 'float32', dims: [2, 3], data: Float32Array.of(1, -2.5, 3e-39, Infinity, 0, -0) },
  float64: { dtype: 'float64', dims: [], data: Float64Array.of(Math.PI) },
  float16: { dtype: 'float16', dims: [3], data: Uint16Array.of(0x3c00, 0xc000, 1) },
  int64: { dtype: 'int64', dims: [2, 1], data: BigInt64Array.of(-(2n ** 63n), 5n) },
  uint8: { dtype: 'uint8', dims: [0, 4], data: new Uint8Array(0) },
  bool: { dtype: 'bool', dims: [2], data: Uint8Array.of(1, 0) },
  'block/conv.weight.lora_A': { dtype: 'float32', dims: [1, 1], data: Float32Array.of(7) },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-npz-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('an NPY file that is written', () => {
  it('has the bytes that NumPy gives it', () => {
    // Those of other byte order, or in Fortran's, are not written so.
    const same = golden.arrays.filter(({ npy }) => {
      const head = Buffer.from(npy, 'base64').subarray(0, 128).toString('latin1');
      return head.includes("'fortran_order': False") && !head.includes("'>");
    });
    expect(same.length).toBeGreaterThan(3);
    for (const { name, npy } of same) {
      const bytes = Buffer.from(npy, 'base64');
      expect(Buffer.from(encodeNpy(parseTypedNpy(bytes, name))).equals(bytes), name).toBe(true);
    }
  });

  it('is refused for text and for another number of elements', () => {
    const text = { dtype: 'string', dims: [1], data: ['a'] };
    expect(() => encodeNpy(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
    const short = { dtype: 'float32', dims: [3], data: new Float32Array(2) };
    expect(() => encodeNpy(short)).toThrow('[3] has 3 elements, 2 are given');
  });
});

describe('an NPZ file that is written', () => {
  it('gives every array back, with the check sums that ZIP asks for', async () => {
    const path = join(folder, 'all.npz');
    const bytes = Buffer.from(encodeNpz(Object.entries(arrays)));
    await writeFile(path, bytes);
    const read = await readTypedArrays(path);
    expect([...read.keys()]).toEqual(Object.keys(arrays));
    for (const [name, array] of Object.entries(arrays)) expect(read.get(name), name).toEqual(array);
    // APPNOTE 4.3.7: the CRC-32 of an entry stands at byte 14 of its header.
    expect(bytes.readUInt32LE(14)).toBe(crc32(encodeNpy(arrays['float32']!)));
    expect(Buffer.from(encodeNpz(Object.entries(arrays))).equals(bytes)).toBe(true);
  });

  // Starting it and its libraries takes seconds on a busy machine.
  it.runIf(process.env['VERGE_TEST_FULL'] !== undefined)('is read by NumPy, where there is one', async () => {
    const path = join(folder, 'peer.npz');
    await writeFile(path, encodeNpz(Object.entries(arrays)));
    const script = `import numpy, sys
a = numpy.load(sys.argv[1])
print(";".join(f"{k}:{a[k].dtype}:{list(a[k].shape)}:{a[k].tobytes().hex()}" for k in a.files))`;
    const run = await promisify(execFile)('python3', ['-c', script, path]).catch(() => null);
    if (!run) return console.log('not held to NumPy: python3 with numpy is not here');
    const expected = Object.entries(arrays).map(([name, { dtype, dims, data }]) => {
      const raw = ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.of();
      return `${name}:${dtype}:[${dims.join(', ')}]:${raw.toString('hex')}`;
    });
    expect(run.stdout.trim().split(';')).toEqual(expected);
  });
});
