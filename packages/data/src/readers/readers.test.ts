import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { openDataset, splitIndices } from '../index.js';
import { testFolder } from '../test-folder.js';

const { folder, put, remove } = testFolder('verge-data-');
afterAll(remove);

describe('CSV', () => {
  it('finds header, separator and label column, quotes included', async () => {
    const path = await put('a.csv', 'a;class;b\r\n1;"cat, big";2\r\n3;dog;4.5\r\n');
    const data = await openDataset(path);
    expect(data).toMatchObject({ format: 'csv', shape: [2], labels: ['cat, big', 'dog'], y: Int32Array.of(0, 1) });
    expect(data.x).toEqual(Float32Array.of(1, 2, 3, 4.5));
  });

  it('reads files without header, gzip or not, labels in numeric order', async () => {
    const rows = '1,2,10\n3,4,9\n5,6,10\n';
    for (const path of [await put('b.csv', rows), await put('b.csv.gz', gzipSync(rows))]) {
      const data = await openDataset(path);
      expect(data).toMatchObject({ labels: ['9', '10'], y: Int32Array.of(1, 0, 1) });
    }
    const first = await openDataset(join(folder, 'b.csv'), { labelColumn: 0, targetKind: 'class' });
    expect(first.labels).toEqual(['1', '3', '5']);
  });

  it('counts and names unreadable rows, and stops at the limit', async () => {
    const path = await put('c.csv', 'x,y,label\n1,2,a\n1,oops,a\n1,2\n3,4,b\n');
    await expect(openDataset(path)).rejects.toMatchObject({
      code: 'unreadable-rows',
      problems: [
        expect.stringContaining("line 3: 'y' is 'oops'"),
        expect.stringContaining('line 4: 2 cells, expected 3'),
      ],
    });
    const data = await openDataset(path, { maxUnreadable: 2 });
    expect(data.y).toHaveLength(2);
    expect(data.unreadable.count).toBe(2);
  });

  it('refuses unknown columns, endless quotes and empty files', async () => {
    await expect(openDataset(join(folder, 'a.csv'), { labelColumn: 'nope' })).rejects.toMatchObject({
      code: 'missing-part',
    });
    await expect(openDataset(await put('d.csv', 'a,b\n1,"2\n'))).rejects.toMatchObject({ code: 'malformed' });
    await expect(openDataset(await put('e.csv', ''), { format: 'csv' })).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('IDX', () => {
  const images = (n: number): Uint8Array =>
    Uint8Array.from([0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 1, 0, 0, 0, 2, ...Array.from({ length: 2 * n }, (_, i) => i)]);
  const labels = (...y: number[]): Uint8Array => Uint8Array.from([0, 0, 8, 1, 0, 0, 0, y.length, ...y]);

  it('opens a pair by its images file, and a folder of pairs with its parts', async () => {
    const path = await put('idx/train-images-idx3-ubyte.gz', gzipSync(images(2)));
    await put('idx/train-labels-idx1-ubyte.gz', gzipSync(labels(1, 0)));
    await put('idx/t10k-images-idx3-ubyte', images(1));
    await put('idx/t10k-labels-idx1-ubyte', labels(2));
    expect(await openDataset(path)).toMatchObject({ format: 'idx', shape: [1, 2], y: Int32Array.of(1, 0) });
    const both = await openDataset(join(folder, 'idx'));
    expect(both.parts).toEqual(['train', 'train', 'test']);
    expect(both.labels).toEqual(['0', '1', '2']);
  });

  it('refuses missing labels, other counts and cut-off files', async () => {
    await expect(openDataset(await put('i2/a-images-idx3-ubyte', images(2)))).rejects.toMatchObject({
      code: 'missing-part',
    });
    await put('i2/a-labels-idx1-ubyte', labels(1));
    await expect(openDataset(join(folder, 'i2/a-images-idx3-ubyte'))).rejects.toMatchObject({ code: 'shape-mismatch' });
    await put('i2/a-images-idx3-ubyte', images(2).subarray(0, 17));
    await expect(openDataset(join(folder, 'i2/a-images-idx3-ubyte'))).rejects.toMatchObject({ code: 'malformed' });
  });

  const mnist = join(process.env.VERGE_DATA ?? '', 'mnist');
  it.skipIf(!existsSync(join(mnist, 'train-images-idx3-ubyte.gz')))(
    'opens MNIST (skipped without VERGE_DATA)',
    async () => {
      const data = await openDataset(mnist);
      expect(data.y).toHaveLength(70_000);
      expect(data.shape).toEqual([28, 28]);
      const { train, validation, test } = splitIndices(data);
      expect([train.length, validation.length, test.length]).toEqual([54_000, 6_000, 10_000]);
      expect([...data.y.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    },
  );
});

describe('image folders', () => {
  const png = (gray: number, size = 4): Promise<Buffer> =>
    sharp({ create: { width: size, height: size, channels: 3, background: { r: gray, g: gray, b: gray } } })
      .png()
      .toBuffer();
  const preprocess = {
    input: { kind: 'image' as const },
    steps: [
      { op: 'resize' as const, size: [2, 2] as [number, number], fit: 'stretch' as const, filter: 'bilinear' as const },
      { op: 'color' as const, to: 'gray' as const },
    ],
    output: { layout: 'CHW' as const, shape: [1, 2, 2], dtype: 'uint8' as const },
  };

  it('take a class from each folder, and parts from folders above', async () => {
    for (const [name, gray] of [
      ['train/no/a', 1],
      ['train/yes/b', 2],
      ['test/yes/c', 3],
    ] as const)
      await put(`im/${name}.png`, await png(gray, gray + 3));
    const data = await openDataset(join(folder, 'im'), { preprocess });
    expect(data).toMatchObject({ format: 'image-folder', shape: [1, 2, 2], labels: ['no', 'yes'] });
    // Folders in name order: test, then train.
    expect(data.parts).toEqual(['test', 'train', 'train']);
    expect([...data.x]).toEqual([3, 3, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('name unreadable images', async () => {
    await put('im2/a/ok.png', await png(9));
    await put('im2/a/broken.png', 'no image');
    await expect(openDataset(join(folder, 'im2'))).rejects.toMatchObject({
      code: 'unreadable-rows',
      problems: [expect.stringContaining('broken.png')],
    });
    const data = await openDataset(join(folder, 'im2'), { maxUnreadable: 1 });
    expect(data).toMatchObject({ shape: [4, 4, 3], unreadable: { count: 1 } });
  });

  const photos = join(process.env.VERGE_DATA ?? '', 'photos');
  it.skipIf(!existsSync(photos))('read photographs (skipped without VERGE_DATA)', async () => {
    const { cp } = await import('node:fs/promises');
    for (const name of ['cat_720p.jpg', 'bird.bmp', 'owl.jpg'])
      await cp(join(photos, name), await put(`photos/animal/${name}`, ''));
    const data = await openDataset(join(folder, 'photos'), { preprocess });
    expect(data.y).toHaveLength(3);
  });
});

describe('openDataset', () => {
  it('says what it cannot recognise or find', async () => {
    await expect(openDataset(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(openDataset(await put('x.bin', Uint8Array.of(9, 9, 9, 255)))).rejects.toMatchObject({
      code: 'unknown-format',
    });
    await mkdir(join(folder, 'empty'));
    await expect(openDataset(join(folder, 'empty'))).rejects.toMatchObject({ code: 'unknown-format' });
  });

  it('names every bad field of a descriptor', async () => {
    await put('desc/dataset.json', JSON.stringify({ schema: 'verge.dataset/1', file: '../etc', format: 'xls' }));
    await expect(openDataset(join(folder, 'desc'))).rejects.toMatchObject({
      code: 'malformed',
      problems: [expect.stringContaining('name'), expect.stringContaining('file'), expect.stringContaining('format')],
    });
  });
});

describe('folders of IDX pairs', () => {
  const idx = (rank: number, ...dims: number[]): Uint8Array =>
    Uint8Array.from([
      0,
      0,
      8,
      rank,
      ...dims.flatMap((d) => [0, 0, 0, d]),
      ...Array<number>(dims.reduce((a, b) => a * b)).fill(1),
    ]);

  it('take one of a file and its gzip, find parts within names, and say which class has no sample', async () => {
    for (const part of ['train', 'test']) {
      const images = await put(`emnist/emnist-letters-${part}-images-idx3-ubyte`, idx(3, 2, 1, 2));
      await put(`${images.slice(folder.length + 1)}.gz`, gzipSync(idx(3, 2, 1, 2)));
      await put(`emnist/emnist-letters-${part}-labels-idx1-ubyte`, idx(1, 2));
      await put(`emnist/._emnist-letters-${part}-images-idx3-ubyte`, 'of a Mac');
    }
    const data = await openDataset(join(folder, 'emnist'));
    expect(data.parts).toEqual(['train', 'train', 'test', 'test']);
    expect(data.notes).toEqual(['classes without a sample: 1 (0)']);
    await put('emnist/emnist-digits-train-images-idx3-ubyte', idx(3, 2, 1, 2));
    await expect(openDataset(join(folder, 'emnist'))).rejects.toMatchObject({
      code: 'unknown-format',
      problems: ['emnist-digits-train-images-idx3-ubyte', 'emnist-letters-train-images-idx3-ubyte'],
    });
  });
});
