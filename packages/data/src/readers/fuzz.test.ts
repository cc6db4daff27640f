import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, openDataset, openSource, type OpenOptions } from '../index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

const runs = process.env['VERGE_TEST_FULL'] ? 3000 : 60;
const maxBytes = 4096;

/** Opens in memory and as a source: each gives samples within the limit, or a DataError. */
async function attempt(path: string, options: OpenOptions): Promise<void> {
  const limits = { ...options, maxBytes, maxUnpackedBytes: maxBytes, maxUnreadable: 3 };
  const whole = async (): Promise<void> => {
    const { x } = await openDataset(path, limits);
    expect(x.byteLength).toBeLessThanOrEqual(maxBytes);
  };
  const piecewise = async (): Promise<void> => {
    const source = await openSource(path, limits);
    try {
      // What a source reads at a time is the caller's choice; all of a small file is little.
      await source.read({ from: 0, to: Math.min(source.count, 64) });
    } finally {
      await source.close();
    }
  };
  for (const open of [whole, piecewise]) {
    const error: unknown = await open().then(
      () => null,
      (e: unknown) => e,
    );
    if (error !== null && !(error instanceof DataError)) throw error;
  }
}

/** Bytes of a valid file with some changed, some cut off or some added. */
const damaged = (file: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      edits: fc.array(fc.tuple(fc.nat(Math.min(file.length, 300) - 1), fc.nat(255)), { maxLength: 5 }),
      cut: fc.option(fc.nat(file.length), { nil: 0 }),
      more: fc.uint8Array({ maxLength: 20 }),
    })
    .map(({ edits, cut, more }) => {
      const copy = Uint8Array.from(file);
      for (const [at, value] of edits) copy[at] = value;
      return Buffer.concat([copy.subarray(0, file.length - cut), more]);
    });

function npy(descr: string, dims: number[], body: Uint8Array): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`.padEnd(117) + '\n';
  return Buffer.concat([Buffer.from([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]), Buffer.from(text), body]);
}
const floats = new Uint8Array(Float32Array.of(1, 2, NaN, 4, 5, 6).buffer);
const x = npy('<f4', [3, 2], floats);
const y = npy('|u1', [3], Uint8Array.of(0, 1, 0));
const idx = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6]);
const csv = Buffer.from('a,b,label\n1,2,u\n"3",4,"v ""w"""\n5,x,u\n');

describe('any bytes give samples within the limits, or a DataError', () => {
  const cases: [string, string, fc.Arbitrary<Uint8Array>, OpenOptions][] = [
    ['noise', 'noise.bin', fc.uint8Array({ maxLength: 300 }), {}],
    ['noise as CSV', 'noise.csv', fc.uint8Array({ maxLength: 300 }), { format: 'csv' }],
    ['noise as Parquet', 'noise.parquet', fc.uint8Array({ maxLength: 300 }), { format: 'parquet' }],
    ['CSV', 'a.csv', damaged(csv), { format: 'csv' }],
    ['CSV in gzip', 'a.csv.gz', damaged(gzipSync(csv)), {}],
    ['IDX', 'train-images-idx3-ubyte', damaged(idx), { format: 'idx' }],
    ['IDX in gzip', 'u-images-idx3-ubyte', damaged(gzipSync(idx)), { format: 'idx' }],
    ['NPY', 'x.npy', damaged(x), { format: 'npy' }],
    ['NPZ, stored', 'stored.npz', damaged(zipSync({ 'x.npy': x, 'y.npy': y }, { level: 0 })), { format: 'npz' }],
    ['NPZ, deflated', 'packed.npz', damaged(zipSync({ 'x.npy': x, 'y.npy': y }, { level: 9 })), { format: 'npz' }],
  ];
  it.each(cases)('%s', async (name, file, bytes, options) => {
    const own = join(folder, name.replaceAll(/[ ,]/g, '-'));
    await mkdir(own);
    await writeFile(join(own, 'train-labels-idx1-ubyte'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 0));
    await writeFile(join(own, 'u-labels-idx1-ubyte'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 0));
    await writeFile(join(own, 'y.npy'), y);
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        await writeFile(join(own, file), content);
        await attempt(join(own, file), options);
      }),
      { numRuns: runs },
    );
  });
});

describe('rows with values that are no numbers', () => {
  it('are counted, named and left out in every format, up to the limit', async () => {
    const f4 = Buffer.from([0, 0, 0x0d, 2, 0, 0, 0, 3, 0, 0, 0, 2, ...Buffer.from(floats).swap32()]);
    const made: [string, Uint8Array][] = [
      ['g-images-idx2', f4],
      ['f/x.npy', x],
      ['f.npz', zipSync({ 'x.npy': x, 'y.npy': y }, { level: 0 })],
      ['f.csv', Buffer.from('1,2,0\nNaN,4,1\n5,6,0\n')],
      ['f.ts', Buffer.from('@univariate true\n@classLabel true 0 1\n@data\n1,2:0\nNaN,4:1\n5,6:0\n')],
    ];
    await writeFile(join(folder, 'g-labels-idx1'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 0));
    await mkdir(join(folder, 'f'));
    await writeFile(join(folder, 'f/y.npy'), y);
    for (const [name, bytes] of made) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      const data = await openDataset(path, { maxUnreadable: 1 });
      expect([...data.x], name).toEqual([1, 2, 5, 6]);
      expect([...data.y], name).toEqual([0, 0]);
      expect(data.unreadable, name).toMatchObject({
        count: 1,
        rows: [{ reason: expect.stringMatching(/NaN|missing/) }],
      });
      await expect(openDataset(path), name).rejects.toMatchObject({ code: 'unreadable-rows' });
      const all = async (options: OpenOptions) => {
        const source = await openSource(path, options);
        try {
          return [...(await source.read({ from: 0, to: source.count })).x];
        } finally {
          await source.close();
        }
      };
      expect(await all({ maxUnreadable: 1 }), name).toEqual([1, 2, 5, 6]);
      await expect(all({}), name).rejects.toMatchObject({ code: 'unreadable-rows' });
    }
  });
});
