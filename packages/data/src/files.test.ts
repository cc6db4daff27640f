import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { filesOf } from './index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('names the files that travel with one', async () => {
  const own = join(folder, 'data');
  await mkdir(own);
  const names = [
    'a-images-idx3',
    'a-labels-idx1',
    'x_1.npy',
    'y_1.npy',
    'P_TRAIN.ts',
    'P_TEST.ts',
    'Q_TEST.ts',
    'b.csv',
  ];
  for (const name of names) await writeFile(join(own, name), '');
  const of = async (name: string, format: Parameters<typeof filesOf>[1]) =>
    (await filesOf(join(own, name), format)).map((path) => basename(path));
  expect(await of('a-images-idx3', 'idx')).toEqual(['a-images-idx3', 'a-labels-idx1']);
  expect(await of('x_1.npy', 'npy')).toEqual(['x_1.npy', 'y_1.npy']);
  expect(await of('P_TRAIN.ts', 'ts')).toEqual(['P_TRAIN.ts', 'P_TEST.ts']);
  expect(await of('Q_TEST.ts', 'ts')).toEqual(['Q_TEST.ts']);
  expect(await of('b.csv', 'csv')).toEqual(['b.csv']);
  await rm(join(own, 'y_1.npy'));
  await expect(of('x_1.npy', 'npy')).rejects.toMatchObject({ code: 'missing-part' });
});
