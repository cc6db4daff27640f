import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset, splitIndices } from '../index.js';
import { parseNpy } from './npy.js';

// Written by goldens/numpy_files.py (the version of NumPy is in the file); files are base64.
const golden = JSON.parse(readFileSync(new URL('./numpy.golden.json', import.meta.url), 'utf8')) as {
  arrays: { name: string; npy: string; expected: number[] }[];
  npz: string;
  parts: string;
  lacking: string;
  pickle: string;
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
let folder: string;
const put = async (name: string, content: Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content);
  return join(folder, name);
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-npy-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('NPY and NPZ', () => {
  it.each(golden.arrays)('reads $name', ({ npy, expected }) => {
    const { dims, data } = parseNpy(bytes(npy), 'a.npy');
    expect(dims).toEqual([2, 3, 4]);
    expect([...data]).toEqual(expected);
  });

  it('opens x and y', async () => {
    const data = await openDataset(await put('a.npz', bytes(golden.npz)));
    expect(data).toMatchObject({ format: 'npz', shape: [3, 4], labels: ['0', '1'], y: Int32Array.of(1, 0) });
    expect(data.x).toEqual(Float32Array.from({ length: 24 }, (_, i) => i));
  });

  it('opens train and test arrays as parts of one data set', async () => {
    const data = await openDataset(await put('parts.npz', bytes(golden.parts)));
    expect(data.parts).toEqual(['train', 'train', 'test']);
    expect([...splitIndices(data).test]).toEqual([2]);
  });

  it('refuses missing arrays, pickles, cut-off files and bombs with a code', async () => {
    await expect(openDataset(await put('l.npz', bytes(golden.lacking)))).rejects.toMatchObject({
      code: 'missing-part',
    });
    expect(() => parseNpy(bytes(golden.pickle), 'p')).toThrow(expect.objectContaining({ code: 'malformed' }));
    expect(() => parseNpy(bytes(golden.arrays[0]!.npy).subarray(0, 150), 'c')).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
    await expect(openDataset(await put('cut.npz', bytes(golden.npz).subarray(0, 90)))).rejects.toMatchObject({
      code: 'malformed',
    });
    await expect(openDataset(join(folder, 'a.npz'), { maxBytes: 300 })).rejects.toMatchObject({ code: 'too-large' });
  });
});
