import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { openDataset, openSource, type OpenOptions } from '../index.js';
import { testFolder } from '../test-folder.js';
import { encodeNpy } from '../writers/npz.js';
import { kindOfWholes } from './target.js';

const { folder, put, remove } = testFolder('verge-target-');
afterAll(remove);

const npy = (dims: number[], data: Float32Array | Int32Array): Uint8Array =>
  encodeNpy({ dtype: data instanceof Float32Array ? 'float32' : 'int32', dims, data });

const rows = (count: number, target: (i: number) => string | number): string =>
  `a,t\n${Array.from({ length: count }, (_, i) => `${i / 8},${target(i)}\n`).join('')}`;

/** As openDataset and openSource have it, which must agree. */
async function both(path: string, options: OpenOptions = {}) {
  const data = await openDataset(path, options);
  const source = await openSource(path, options);
  const batch = await source.read({ from: 0, to: source.count });
  expect([source.y, source.labels, source.targets, source.notes]).toEqual([
    data.y,
    data.labels,
    data.targets,
    data.notes,
  ]);
  expect([batch.y, batch.targets]).toEqual([data.y, data.targets]);
  await source.close();
  return data;
}

describe('a column of a table', () => {
  it.each<[string, (i: number) => string | number]>([
    ['fractions', (i) => i + 0.5],
    ['whole numbers, many and far between', (i) => 25 + ((i * 37) % 321)],
    ['whole numbers written as fractions', (i) => `${25 + ((i * 37) % 321)}.0`],
    ['whole numbers below 0', (i) => i - 50],
  ])('of %s is a number, which is said', async (name, target) => {
    const data = await both(await put(`${name}.csv`, rows(100, target)));
    expect(data.targets).toEqual(Float32Array.from({ length: 100 }, (_, i) => Number(target(i))));
    expect([...new Set(data.y)]).toEqual([-1]);
    expect(data.labels).toEqual([]);
    expect(data.notes).toContain("'t' is taken for a number; targetKind: class would make classes of it");
  });

  it.each<[string, (i: number) => string | number, string[]]>([
    ['text', (i) => (i % 2 ? 'yes' : 'no'), ['no', 'yes']],
    ['a few whole numbers', (i) => [3, 7, 10][i % 3]!, ['3', '7', '10']],
    ['1 and 1.0', (i) => ['1', '1.0', '2', '02'][i % 4]!, ['1', '2']],
    ['numbers and text', (i) => ['1', '1.0', 'x'][i % 3]!, ['1', '1.0', 'x']],
    ['truth values', (i) => (i % 3 ? 'True' : 'False'), ['False', 'True']],
    [
      'whole numbers beyond 2^53',
      (i) => ['9007199254740993', '9007199254740992'][i % 2]!,
      ['9007199254740993', '9007199254740992'],
    ],
  ])('of %s is a class', async (name, target, labels) => {
    const data = await both(await put(`${name}.csv`, rows(60, target)));
    expect([...data.labels].sort()).toEqual([...labels].sort());
    expect(data.targets).toBeUndefined();
  });

  it('is asked about where it could be either, and is what is said', async () => {
    const path = await put(
      'ages.csv',
      rows(1000, (i) => i % 90),
    );
    await expect(openDataset(path)).rejects.toMatchObject({
      code: 'undecided',
      message: expect.stringMatching(
        /is 't' a class or a number\? It holds 90 .* targetKind: class, or targetKind: number/,
      ),
    });
    expect((await both(path, { targetKind: 'number' })).targets).toHaveLength(1000);
    expect((await both(path, { targetKind: 'class' })).labels).toHaveLength(90);
    expect(await both(path, { targetKind: 'none' })).toMatchObject({ shape: [2], labels: [] });
    await expect(
      openDataset(
        await put(
          'few.csv',
          rows(6, (i) => [5, 90, 31][i % 3]! * (i + 1)),
        ),
      ),
    ).rejects.toMatchObject({
      code: 'undecided',
    });
  });

  it('of several numbers is chosen by name or place', async () => {
    const path = await put('several.csv', 'u,a,v,b\n1,2,3,4\n5,6,7,8\n');
    const data = await both(path, { target: ['u', 'v'] });
    expect(data).toMatchObject({ shape: [2], targets: Float32Array.of(1, 3, 5, 7), x: Float32Array.of(2, 4, 6, 8) });
    expect((await both(path, { target: [0, -2], drop: ['a'] })).x).toEqual(Float32Array.of(4, 8));
    await expect(openDataset(path, { target: ['u', 'v'], targetKind: 'class' })).rejects.toMatchObject({
      code: 'bad-setting',
    });
  });

  it('leaves out rows whose target is missing or infinite, and counts them', async () => {
    const path = await put('gaps.csv', 'a,t\n1,0.5\n2,NA\n3,1e300\n4,inf\n5,1.5\n');
    await expect(openDataset(path)).rejects.toMatchObject({
      problems: [
        "row at line 3: the label 't' is missing: 'NA' stands for that, unless naValues says otherwise",
        "row at line 4: the target 't': 1e+300 is infinite in float32",
        "row at line 5: the target 't': Infinity is no finite number",
      ],
    });
    expect((await both(path, { maxUnreadable: 3 })).targets).toEqual(Float32Array.of(0.5, 1.5));
  });
});

it('whole numbers are classes where they are few or count, numbers where they are far between', () => {
  const of = (rowCount: number, ...values: number[]) =>
    kindOfWholes({ rows: rowCount, distinct: values.length, least: Math.min(...values), most: Math.max(...values) });
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  expect(of(3, 0, 1)).toBe('class');
  expect(of(2, -1, 1)).toBe('class');
  expect(of(10, ...upTo(10))).toBe('class');
  expect(of(5, 10, 20, 30)).toBeNull();
  expect(of(6, 10, 20, 30)).toBe('class');
  expect(of(1000, ...upTo(100))).toBeNull();
  expect(of(999, ...upTo(100))).toBe('number');
  expect(of(100_000, ...upTo(30).map((i) => 7 * i))).toBe('number');
});

describe('an array beside the samples', () => {
  const npz = async (name: string, dims: number[], y: Float32Array | Int32Array, options: OpenOptions = {}) => {
    const files = { 'x.npy': npy([dims[0]!, 1], new Float32Array(dims[0]!)), 'y.npy': npy(dims, y) };
    return both(await put(`${name}.npz`, zipSync(files)), options);
  };
  const f = (...v: number[]): Float32Array => Float32Array.from(v);
  const i = (length: number, of: (n: number) => number): Int32Array => Int32Array.from({ length }, (_, n) => of(n));

  it('of class indices is classes, also many of them', async () => {
    expect(
      (
        await npz(
          'hundred',
          [500],
          i(500, (n) => n % 100),
        )
      ).labels,
    ).toHaveLength(100);
    const gap = await npz(
      'gap',
      [4],
      i(4, (n) => 2 * (n % 2)),
    );
    expect(gap).toMatchObject({ labels: ['0', '1', '2'], notes: ['classes without a sample: 1 (1)'] });
  });

  it('of other whole numbers is numbers, or asked about', async () => {
    expect(
      await npz(
        'prices',
        [100],
        i(100, (n) => 1000 * n),
      ),
    ).toMatchObject({ labels: [], notes: ['y: taken for numbers, not for classes'] });
    await expect(
      npz(
        'half',
        [60],
        i(60, (n) => 2 * n),
      ),
    ).rejects.toMatchObject({ code: 'undecided' });
    expect(
      (
        await npz(
          'said',
          [60],
          i(60, (n) => 2 * n),
          { targetKind: 'number' },
        )
      ).targets,
    ).toEqual(Float32Array.from(i(60, (n) => 2 * n)));
  });

  it('of rows with a single 1 is classes, which is said', async () => {
    const data = await npz('hot', [3, 3], f(0, 1, 0, 1, 0, 0, 0, 1, 0));
    expect(data).toMatchObject({ y: Int32Array.of(1, 0, 1), labels: ['0', '1'] });
    expect(data.notes).toEqual(['y: each row has a single 1, which is taken for its class']);
    expect((await npz('not hot', [2, 2], f(0, 1, 1, 1))).targets).toEqual(f(0, 1, 1, 1));
    await expect(npz('no class', [2, 2], f(0, 1, 1, 1), { targetKind: 'class' })).rejects.toMatchObject({
      code: 'shape-mismatch',
      problems: ['y hold no class indices: expected a whole number from 0 for each sample'],
    });
  });
});

describe('options', () => {
  it('are refused by name where a format has no use for them', async () => {
    const path = await put('o.npz', zipSync({ 'x.npy': npy([2, 1], new Float32Array(2)) }));
    await expect(openDataset(path, { featureColumns: ['a'], delimiter: ';', missing: 'hold' })).rejects.toMatchObject({
      code: 'bad-setting',
      problems: ['featureColumns: is for csv, parquet, not for npz', 'delimiter: is for csv, not for npz'],
    });
    await expect(openDataset(path, { missing: 'hold' })).rejects.toThrow("'hold' is for ts, expected a number for npz");
    const csv = await put('o.csv', 'a,b,label\n1,2,x\n3,4,y\n');
    await expect(openDataset(csv, { steps: 3, inputs: { a: 'b' } })).rejects.toMatchObject({
      problems: ['steps: is for ts, not for csv', 'inputs: is for npz, npy, not for csv'],
    });
  });

  it('of columns name every one that is not there', async () => {
    const csv = join(folder, 'o.csv');
    await expect(openDataset(csv, { featureColumns: ['a', 'c'], drop: ['d'], target: 'e' })).rejects.toMatchObject({
      code: 'missing-part',
      problems: ["no column 'd'", "no column 'e'", "no column 'c'"],
    });
    await expect(openDataset(csv, { featureColumns: ['label', 'a'] })).rejects.toThrow(
      'featureColumns: label is the target; say another one with target',
    );
    expect(await both(csv, { featureColumns: ['b', 'a'] })).toMatchObject({ x: Float32Array.of(2, 1, 4, 3) });
  });

  it('of missing values hold for tables and arrays alike, and are counted', async () => {
    const csv = await put('m.csv', 'a,b,label\n1,,x\nnan,NULL,y\n');
    await expect(openDataset(csv)).rejects.toMatchObject({
      problems: ["row at line 2: 'b' is missing", "row at line 3: 'a' is missing, 'b' is missing"],
    });
    expect(await both(csv, { missing: -1 })).toMatchObject({ x: Float32Array.of(1, -1, -1, -1), filled: 3 });
    const x = npy([2, 2], Float32Array.of(1, NaN, 3, Infinity));
    const npz = await put('m.npz', zipSync({ 'x.npy': x }));
    const read = { missing: 0, maxUnreadable: 1 };
    expect(await openDataset(npz, read)).toMatchObject({
      x: Float32Array.of(1, 0),
      filled: 1,
      unreadable: { count: 1 },
    });
  });
});
