import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, openDataset, openSource, pick, slice, splitIndices, splitSamples } from '../index.js';
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
    const other = zipSync({ 'images.npy': bytes(golden.arrays[0]!.npy) });
    await expect(openDataset(await put('l.npz', other))).rejects.toMatchObject({ code: 'missing-part' });
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

/** One NPY file. */
const array = (descr: string, dims: number[], values: ArrayBufferView): Uint8Array => {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`.padEnd(117) + '\n';
  const head = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([1, 0, text.length, 0])]);
  return Buffer.concat([head, Buffer.from(text), Buffer.from(values.buffer)]);
};
const [f, i] = [(...v: number[]) => Float32Array.from(v), (...v: number[]) => Int32Array.from(v)];

describe('samples of which is not said what class they are', () => {
  const x = array('<f4', [3, 2], f(1, 2, 3, 4, 5, 6));

  it('have no labels without y, in memory and a few at a time', async () => {
    expect((await openDataset(await put('lacking.npz', bytes(golden.lacking)))).labels).toEqual([]);
    const path = await put('bare.npz', zipSync({ 'x.npy': x }));
    const data = await openDataset(path);
    expect(data).toMatchObject({ y: i(-1, -1, -1), labels: [] });
    expect(data.targets).toBeUndefined();
    const source = await openSource(path);
    expect([source.count, source.labels, [...source.y]]).toEqual([3, [], [-1, -1, -1]]);
    await source.close();
    const parts = await put('bare-parts.npz', zipSync({ 'x_train.npy': x, 'x_test.npy': x }));
    expect((await openDataset(parts)).parts).toEqual([
      ...Array<string>(3).fill('train'),
      ...Array<string>(3).fill('test'),
    ]);
  });

  it.each([
    ['numbers', array('<f4', [3], f(0.5, 1, 2)), f(0.5, 1, 2)],
    ['several numbers', array('<f4', [3, 2], f(1, 2, 3, 4, 5, 6)), f(1, 2, 3, 4, 5, 6)],
    ['classes by position', array('<i4', [3, 2], i(0, 1, 1, 0, -1, 1)), i(0, 1, 1, 0, -1, 1)],
  ])('have %s as targets, which stay with them', async (_, y, targets) => {
    const data = await openDataset(await put('targets.npz', zipSync({ 'x.npy': x, 'y.npy': y })));
    expect(data).toMatchObject({ targets, y: i(-1, -1, -1), labels: [] });
    const width = targets.length / 3;
    expect(pick(data, [2, 0]).targets).toEqual(
      targets.constructor === Float32Array
        ? f(...targets.subarray(2 * width), ...targets.subarray(0, width))
        : i(...targets.subarray(2 * width), ...targets.subarray(0, width)),
    );
    expect(slice(data, 1, 2).targets).toEqual(targets.subarray(width, 2 * width));
    expect(digestOf({ ...data, targets: undefined })).not.toBe(digestOf(data));
  });

  it('are refused where targets are no numbers or too few', async () => {
    const of = async (y: Uint8Array) => openDataset(await put('bad.npz', zipSync({ 'x.npy': x, 'y.npy': y })));
    await expect(of(array('<f4', [3, 1], f(1, NaN, 0.5)))).rejects.toThrow('targets hold values that are no numbers');
    await expect(of(array('<f4', [2], f(1, 0.5)))).rejects.toThrow('x has 3 samples, y has 2');
  });
});

describe('arrays that go into further inputs of a model', () => {
  const parts = {
    'x_train.npy': array('<f4', [2, 1], f(1, 2)),
    'y_train.npy': array('<i4', [2], i(0, 1)),
    'x_test.npy': array('<f4', [2, 1], f(3, NaN)),
    'y_test.npy': array('<i4', [2], i(1, 0)),
    'ids_train.npy': array('<i4', [2, 2], i(1, 2, 3, 4)),
    'ids_test.npy': array('<i4', [2, 2], i(5, 6, 7, 8)),
    'few_train.npy': array('<i4', [1, 2], i(1, 2)),
    'large_train.npy': array('<i4', [2, 1], i(1, 2 ** 24 + 1)),
    'large_test.npy': array('<i4', [2, 1], i(1, 2)),
    'few_test.npy': array('<f4', [2, 3], f(1, 2, 3, 4, 5, Infinity)),
  };

  it('are read part by part with their samples, and lose the rows that they lose', async () => {
    const path = await put('further.npz', zipSync(parts));
    const data = await openDataset(path, { inputs: { input_ids: 'ids' }, maxUnreadable: 1 });
    expect(data.inputs).toEqual({ input_ids: { values: f(1, 2, 3, 4, 5, 6), shape: [2] } });
    const { test } = splitSamples(data);
    expect(test.inputs!['input_ids']!.values).toEqual(f(5, 6));
    const without = await openDataset(path, { maxUnreadable: 1 });
    expect(without.inputs).toBeUndefined();
    expect(digestOf(without)).not.toBe(digestOf(data));
  });

  it('are refused where there are none, too few, of other shapes or no numbers; all at once', async () => {
    const path = await put('wrong.npz', zipSync(parts));
    const wrong = openDataset(path, { inputs: { a: 'none', b: 'few' } });
    await expect(wrong).rejects.toThrow("there is no array none_train for the input 'a'");
    await expect(wrong).rejects.toThrow('few_train has 1 samples, x_train has 2');
    await expect(wrong).rejects.toThrow('few_test holds values that are no numbers');
    const large = openDataset(path, { inputs: { a: 'large' } });
    await expect(large).rejects.toThrow('large_train holds whole numbers from 16777216 on, which are not kept exactly');
    await expect(wrong).rejects.toThrow("the arrays of the input 'b' hold samples of different shapes");
    const csv = await put('a.csv', Buffer.from('1,2,0\n3,4,1\n'));
    await expect(openDataset(csv, { inputs: { a: 'ids' } })).rejects.toThrow('inputs: is for npz, npy, not for csv');
    await expect(openSource(path, { inputs: { a: 'ids' } })).rejects.toThrow('are read into memory');
  });
});
