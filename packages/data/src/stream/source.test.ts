import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { batchesOf, openDataset, openSource, Random, sampleSize, splitIndices, type OpenOptions } from '../index.js';
import { testFolder } from '../test-folder.js';
import { idx } from './test-idx.js';

const { folder, put, remove } = testFolder('verge-stream-');
// Temporary files of this test alone: others run beside it.
beforeAll(() => void vi.stubEnv('TMPDIR', folder));
afterAll(async () => {
  vi.unstubAllEnvs();
  await remove();
});

const ramp = (n: number, step = 7): number[] => Array.from({ length: n }, (_, i) => (i * step) % 256);

function npy(descr: string, dims: number[], body: Uint8Array): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const padded = text.padEnd(117) + '\n';
  return Buffer.concat([Buffer.from([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]), Buffer.from(padded), body]);
}
const floats = (n: number): Uint8Array => new Uint8Array(Float32Array.from({ length: n }, (_, i) => i / 3).buffer);
const longs = (...values: number[]): Uint8Array => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);

const arrays = {
  'x_train.npy': npy('<f4', [5, 3], floats(15)),
  'y_train.npy': npy('<i8', [5], longs(0, 1, 0, 1, 2)),
  'x_test.npy': npy('>i2', [3, 3], Uint8Array.from(ramp(18))),
  'y_test.npy': npy('<i8', [3], longs(0, 1, 0)),
};
const numbers = Array.from({ length: 3000 }, (_, i) => `${i},${i / 7},${i % 3}`).join('\n');
const stored = zipSync(arrays, { level: 0 });
const packed = zipSync(arrays, { level: 6 });

/** Random orders, repeats, ranges: a source reads what the data set in memory holds. */
async function agrees(path: string, options: OpenOptions = {}): Promise<void> {
  const data = await openDataset(path, options);
  const source = await openSource(path, options);
  try {
    const { name, format, shape, y, labels, parts, split, lengths, filled, unreadable } = data;
    expect(source).toMatchObject({ name, format, shape, y, labels, count: y.length, unreadable });
    expect([source.parts, source.split, source.lengths, source.filled]).toEqual([parts, split, lengths, filled]);
    expect(source.dtype).toBe(data.x instanceof Uint8Array ? 'uint8' : 'float32');
    expect(splitIndices(source)).toEqual(splitIndices(data));
    const size = sampleSize(data);
    const random = new Random(3);
    const orders = [[...y.keys()], Array.from({ length: 9 }, () => Math.floor(random.unit() * y.length)), []];
    for (const order of orders) {
      const batch = await source.read(order);
      expect(batch.x).toEqual(
        data.x.constructor === Uint8Array
          ? Uint8Array.from(order.flatMap((i) => [...data.x.subarray(i * size, (i + 1) * size)]))
          : Float32Array.from(order.flatMap((i) => [...data.x.subarray(i * size, (i + 1) * size)])),
      );
      expect(batch.y).toEqual(Int32Array.from(order, (i) => y[i]!));
      expect([...batch.indices]).toEqual(order);
    }
    const range = await source.read({ from: 1, to: 3 });
    expect([...range.x]).toEqual([...data.x.subarray(size, 3 * size)]);
    await expect(source.read([0, y.length])).rejects.toMatchObject({ code: 'bad-setting' });
    await expect(source.read([0.5])).rejects.toMatchObject({ code: 'bad-setting' });
  } finally {
    await source.close();
  }
}

const temporaries = async (): Promise<number> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('verge-unpacked-')).length;

describe('a source reads what the data set in memory holds', () => {
  it('IDX, plain and gzip, one pair and a folder of pairs, bytes and other elements', async () => {
    const before = await temporaries();
    const plain = await put('a/train-images-idx3-ubyte', idx(8, [6, 2, 2], ramp(24)));
    await put('a/train-labels-idx1-ubyte', idx(8, [6], [0, 1, 2, 0, 1, 2]));
    await agrees(plain);
    await put('a/t10k-images-idx3-ubyte.gz', gzipSync(idx(8, [2, 2, 2], ramp(8, 3))));
    await put('a/t10k-labels-idx1-ubyte.gz', gzipSync(idx(8, [2], [1, 0])));
    await agrees(join(folder, 'a'));
    const wide = await put('b/images-idx2', idx(0x0b, [4, 3], ramp(24, 11)));
    await put('b/labels-idx1', idx(8, [4], [0, 1, 0, 1]));
    await agrees(wide);
    expect(await temporaries()).toBe(before);
  });

  it('NPZ, stored and deflated, NPY pairs and folders', async () => {
    await agrees(await put('stored.npz', stored));
    await agrees(await put('packed.npz', packed));
    for (const [name, bytes] of Object.entries(arrays)) await put(`c/${name}`, bytes);
    await agrees(join(folder, 'c'));
    await agrees(await put('c/x_train.npy', arrays['x_train.npy']));
  });

  it('CSV with quotes, gaps, a byte order mark and unreadable rows', async () => {
    const text = '\ufeff"a";b;label\r\n1;2;"ä, ""x"""\r\n\r\n3;oops;b\n4;5;b\n"6";7;"two\nlines"\n8;9;b';
    await agrees(await put('d.csv', text), { maxUnreadable: 1 });
    await agrees(await put('e.csv.gz', gzipSync('1,2,10\n3,4,9\n5,6,10\n')));
    await agrees(await put('f.csv', numbers));
    await expect(openSource(await put('d.csv', text))).rejects.toMatchObject({ code: 'unreadable-rows' });
  });

  it('series, padded, and images, preprocessed', async () => {
    await agrees(await put('g.ts', '@univariate true\n@classLabel true a b\n@data\n1,2,3:a\n4:b\n5,6:a\n'));
    for (const [name, level] of [
      ['train/cat/1.png', 10],
      ['train/dog/2.png', 90],
      ['test/cat/3.png', 50],
    ] as const) {
      const raw = { width: 5, height: 4, channels: 3 } as const;
      await put(`pets/${name}`, await sharp(Buffer.alloc(60, level), { raw }).png().toBuffer());
    }
    await agrees(join(folder, 'pets'));
    await agrees(join(folder, 'pets'), {
      preprocess: {
        input: { kind: 'image' },
        steps: [
          { op: 'color', to: 'gray' },
          { op: 'scale', scale: 1 / 255, offset: 0 },
        ],
        output: { layout: 'CHW', shape: [1, 4, 5], dtype: 'float32' },
      },
    });
  });

  it('the digits that come with the project, with their descriptor', async () => {
    await agrees(new URL('../../../../datasets/digits', import.meta.url).pathname);
  });

  const mnist = process.env['VERGE_DATA'] ? join(process.env['VERGE_DATA'], 'mnist') : '';
  it.skipIf(!existsSync(mnist))('VERGE_DATA: MNIST, gzip', async () => {
    const source = await openSource(mnist);
    const { y, x } = await source.read([0, 59_999, 60_000, 69_999]);
    await source.close();
    const data = await openDataset(mnist);
    expect([...y]).toEqual([0, 59_999, 60_000, 69_999].map((i) => data.y[i]));
    expect(x.subarray(784 * 3)).toEqual(data.x.subarray(784 * 69_999));
  });
});

describe('what cannot be read', () => {
  it('images that break off are counted, left out, and stop at the limit', async () => {
    const raw = { width: 8, height: 8, channels: 3 } as const;
    const png = await sharp(Buffer.from(ramp(192, 31)), { raw })
      .png()
      .toBuffer();
    for (const [i, bytes] of [png, png.subarray(0, 60), png, png.subarray(0, 50)].entries())
      await put(`odd/a/${i}.png`, bytes);
    await put('odd/b/4.png', png);
    const source = await openSource(join(folder, 'odd'), { maxUnreadable: 1 });
    expect(source.count).toBe(5);
    const batch = await source.read([1, 0, 4, 1]);
    expect([...batch.indices]).toEqual([0, 4]);
    expect([...batch.y]).toEqual([0, 1]);
    expect(batch.x).toHaveLength(2 * 192);
    expect(source.unreadable).toMatchObject({ count: 1, rows: [{ where: 'a/1.png' }] });
    await expect(source.read([2, 3])).rejects.toMatchObject({ code: 'unreadable-rows' });
    await source.close();
    await expect(openDataset(join(folder, 'odd'), { maxUnreadable: 1 })).rejects.toMatchObject({
      code: 'unreadable-rows',
    });
    expect((await openDataset(join(folder, 'odd'), { maxUnreadable: 2 })).y).toHaveLength(3);
  });

  it('broken files are refused with a code, and leave no temporary file behind', async () => {
    const before = await temporaries();
    const cases: [string, Uint8Array, string][] = [
      ['t1.npz', stored.subarray(0, stored.length - 30), 'malformed'],
      ['t2.npz', Buffer.concat([packed.subarray(0, 40), Buffer.alloc(60, 255), packed.subarray(100)]), 'malformed'],
      [
        't3.npz',
        zipSync({ 'x.npy': npy('<f4', [2, 1 << 30], floats(2)), 'y.npy': npy('<i8', [2], longs(0, 1)) }, { level: 0 }),
        'malformed',
      ],
      [
        't4.npz',
        zipSync({ 'x.npy': npy('|O', [2, 1], floats(2)), 'y.npy': npy('<i8', [2], longs(0, 1)) }, { level: 0 }),
        'malformed',
      ],
      ['t5.npz', zipSync({ 'images.npy': npy('<f4', [2, 1], floats(2)) }, { level: 0 }), 'missing-part'],
      [
        't6.npz',
        zipSync({ 'x.npy': npy('<f4', [2, 1], floats(2)), 'y.npy': npy('<i8', [3], longs(0, 1, 1)) }, { level: 0 }),
        'shape-mismatch',
      ],
    ];
    for (const [name, bytes, code] of cases)
      await expect(openSource(await put(name, bytes)), name).rejects.toMatchObject({ code });
    await expect(openSource(await put('t7.npz', packed), { maxUnpackedBytes: 100 })).rejects.toMatchObject({
      code: 'too-large',
    });
    await expect(openSource(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' });
    const controller = new AbortController();
    const source = await openSource(await put('t8.npz', stored), { signal: controller.signal });
    controller.abort();
    await expect(source.read([0])).rejects.toThrow(/abort/i);
    await source.close();
    expect(await temporaries()).toBe(before);
  });
});

it('reads batches in any order, the next ahead of its use', async () => {
  const source = await openSource(await put('h.csv', numbers));
  const seen: number[] = [];
  for await (const batch of batchesOf(
    source,
    1000,
    Uint32Array.from({ length: 2500 }, (_, i) => 2999 - i),
  )) {
    seen.push(...batch.indices);
    expect(batch.y.length).toBe(seen.length > 2000 ? 500 : 1000);
  }
  expect(seen).toEqual(Array.from({ length: 2500 }, (_, i) => 2999 - i));
  for await (const batch of batchesOf(source, 7)) {
    expect([...batch.indices]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    break;
  }
  await source.close();
});
