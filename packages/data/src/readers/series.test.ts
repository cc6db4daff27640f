import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DataError, digestOf, openDataset, pick, slice, splitSamples } from '../index.js';
import { testFolder } from '../test-folder.js';
import { parseCase } from './series-text.js';

const { folder, put, remove } = testFolder('verge-series-');
afterAll(remove);

const header = (more = ''): string =>
  `# a comment: with, signs\n@problemName P\n@timeStamps false\n@univariate false\n@dimensions 2\n${more}@classLabel true up down\n@data\n`;

describe('time series in .ts files', () => {
  it('reads cases as [steps, channels], pads at the end and keeps the lengths', async () => {
    const path = await put('a.ts', `${header('@equalLength false\n')}1,2,3:4,5,6:down\r\n\r\n7:8:up\r\n`);
    const data = await openDataset(path);
    expect(data).toMatchObject({ format: 'ts', shape: [3, 2], labels: ['up', 'down'], y: Int32Array.of(1, 0) });
    expect(data.x).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6, 7, 8, 0, 0, 0, 0));
    expect(data.lengths).toEqual(Int32Array.of(3, 1));
    expect(pick(data, [1, 0, 1]).lengths).toEqual(Int32Array.of(1, 3, 1));
    expect(slice(data, 1, 2).lengths).toEqual(Int32Array.of(1));
    // The lengths are content: the same values all of full length are other samples.
    const { lengths: _lengths, ...full } = data;
    expect(digestOf(full)).not.toBe(digestOf(data));
  });

  it('pads to a given number of steps with a given value, and leaves longer series out as unreadable', async () => {
    const path = await put('b.ts', `${header()}1,2,3:4,5,6:down\n7:8:up\n`);
    const data = await openDataset(path, { steps: 2, padValue: -1, maxUnreadable: 1 });
    expect(data).toMatchObject({ shape: [2, 2], x: Float32Array.of(7, 8, -1, -1) });
    expect(data.unreadable.rows[0]?.reason).toContain('3 steps, more than the 2');
    await expect(openDataset(path, { steps: 2 })).rejects.toMatchObject({ code: 'unreadable-rows' });
  });

  it('refuses missing values, or fills and counts them', async () => {
    const path = await put('c.ts', `${header('@missing true\n')}?,2,?:4,NaN,6:up\n1,2,3:?,?,?:down\n1,2,3:1,2,3:up\n`);
    await expect(openDataset(path)).rejects.toMatchObject({
      code: 'unreadable-rows',
      problems: ['c.ts line 9: 3 values are missing', 'c.ts line 10: 3 values are missing'],
    });
    const held = await openDataset(path, { missing: 'hold' });
    expect(held.filled).toBe(6);
    expect([...held.x.subarray(0, 12)]).toEqual([2, 4, 2, 4, 2, 6, 1, 0, 2, 0, 3, 0]);
    const filled = await openDataset(path, { missing: -9 });
    expect([...filled.x.subarray(0, 6)]).toEqual([-9, 4, 2, -9, -9, 6]);
    expect((await openDataset(path, { maxUnreadable: 2 })).y).toHaveLength(1);
  });

  it('opens TRAIN with its TEST as parts, also gzip, and a folder of one problem', async () => {
    const rows = '1,2:3,4:up\n5,6:7,8:down\n';
    const train = await put('Q_TRAIN.ts', header() + rows);
    await put('Q_TEST.ts.gz', gzipSync(header() + '9,9:9,9:down\n'));
    const data = await openDataset(train);
    expect(data.parts).toEqual(['train', 'train', 'test']);
    expect(splitSamples(data).test.x).toEqual(Float32Array.of(9, 9, 9, 9));
    expect((await openDataset(join(folder, 'Q_TEST.ts.gz'))).parts).toBeUndefined();
    await expect(openDataset(folder)).rejects.toMatchObject({
      code: 'unknown-format',
      message: expect.stringContaining('several problems'),
    });
    const described = { schema: 'verge.dataset/1', name: 'q', file: '.', format: 'ts', steps: 3 };
    const own = await mkdtemp(join(folder, 'own-'));
    await writeFile(join(own, 'Q_TRAIN.ts'), header() + rows);
    await writeFile(join(own, 'Q_TEST.ts'), header() + rows);
    await writeFile(join(own, 'dataset.json'), JSON.stringify(described));
    expect(await openDataset(own)).toMatchObject({ name: 'q', shape: [3, 2], format: 'ts' });
  });

  it('names everything that is wrong in a header, and in rows', async () => {
    const head = '@univariate true\n@dimensions 3\n@seriesLength x\n@timeStamps true\n@targetLabel true\n@data\n';
    await expect(openDataset(await put('d.ts', head))).rejects.toMatchObject({
      code: 'malformed',
      problems: [
        expect.stringContaining('@timeStamps'),
        expect.stringContaining('@targetLabel'),
        expect.stringContaining('@classLabel'),
        expect.stringContaining('@univariate'),
        expect.stringContaining('@seriesLength'.toLowerCase()),
      ],
    });
    const rows = '1:2:sideways\n1,x:1,2:up\n1:1:1:up\n1,2:1:up\n1,2,3:1,2,3:up\nup\n1,inf:1,1:up\n';
    const path = await put('e.ts', header('@equalLength true\n@seriesLength 2\n') + rows);
    await expect(openDataset(path)).rejects.toMatchObject({
      problems: [
        "e.ts line 10: the class 'sideways' is not in the header",
        "e.ts line 11: step 1 of channel 0 is 'x', expected a number",
        'e.ts line 12: 3 channels, the header says 2',
        'e.ts line 13: channel 1 has 1 steps, channel 0 has 2',
        'e.ts line 14: 3 steps, the header says 2',
        'e.ts line 15: there is no channel before the class',
        "e.ts line 16: step 1 of channel 0 is 'inf', expected a number",
      ],
    });
    await expect(openDataset(await put('f.ts', '@univariate true\n'))).rejects.toMatchObject({ code: 'malformed' });
    await expect(openDataset(await put('g.ts', '1,2:up\n'))).rejects.toMatchObject({ code: 'malformed' });
    await expect(openDataset(path, { maxBytes: 20 })).rejects.toMatchObject({ code: 'too-large' });
  });

  it('refuses parts that do not fit each other, both faults at once', async () => {
    const own = await mkdtemp(join(folder, 'odd-'));
    await writeFile(join(own, 'R_TRAIN.ts'), header() + '1:1:up\n');
    await writeFile(join(own, 'R_TEST.ts'), '@univariate true\n@classLabel true a b\n@data\n1:a\n');
    await expect(openDataset(own)).rejects.toMatchObject({
      code: 'shape-mismatch',
      problems: [expect.stringContaining('other classes'), expect.stringContaining('1 channels')],
    });
  });

  it('reads back any series that was written', () => {
    const series = fc
      .record({ channels: fc.integer({ min: 1, max: 4 }), steps: fc.integer({ min: 1, max: 9 }) })
      .chain(({ channels, steps }) =>
        fc.array(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: steps, maxLength: steps }), {
          minLength: channels,
          maxLength: channels,
        }),
      );
    fc.assert(
      fc.property(series, (channels) => {
        const text = `${channels.map((values) => values.join(',')).join(':')}:a`;
        const found = parseCase(text, { channels: null, steps: null, labels: ['a'] });
        if (typeof found === 'string') throw new Error(found);
        expect([found.channels, found.steps]).toEqual([channels.length, channels[0]!.length]);
        // Text has no negative zero of its own: -0 is written as 0.
        channels.forEach((values, c) =>
          values.forEach((v, t) => expect(found.values[t * channels.length + c]! === v).toBe(true)),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('meets any bytes with samples or a DataError', async () => {
    const line = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constantFrom(
        '@data',
        '@classLabel true a b',
        '@dimensions 2',
        '1,2:3,4:a',
        '1:?:b',
        '@univariate true',
        ':',
        '',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const path = await put('fuzz.ts', lines.join('\n'));
        const error: unknown = await openDataset(path, { format: 'ts', maxUnreadable: 3, maxBytes: 4096 }).then(
          () => null,
          (e: unknown) => e,
        );
        if (error !== null) expect(error).toBeInstanceOf(DataError);
      }),
      { numRuns: 150 },
    );
  });
});

describe('against the aeon toolkit', () => {
  const golden = JSON.parse(readFileSync(new URL('./series.golden.json', import.meta.url), 'utf8')) as {
    files: Record<
      string,
      { count: number; channels: number; lengths: number[]; y: string[]; sums: number[]; first: number[][] }
    >;
  };
  const data = process.env['VERGE_DATA'] ? join(process.env['VERGE_DATA'], 'aeon') : '';
  const present = data !== '' && existsSync(data);

  it.skipIf(!present)('VERGE_DATA: has the archive', () => expect(present).toBe(true));

  for (const [name, expected] of Object.entries(golden.files)) {
    it.skipIf(!present)(`VERGE_DATA: reads ${name} as aeon does`, async () => {
      const found = await openDataset(join(data, `${name}.ts`), { format: 'ts' });
      const { parts = [] } = found;
      const rows = parts.flatMap((part, i) => (part === 'train' ? [i] : []));
      const samples = parts.length > 0 ? pick(found, rows) : found;
      const [steps = 0, channels = 0] = samples.shape;
      expect([samples.y.length, channels]).toEqual([expected.count, expected.channels]);
      expect([...(samples.lengths ?? new Int32Array(samples.y.length).fill(steps))]).toEqual(expected.lengths);
      expect([...samples.y].map((c) => samples.labels[c])).toEqual(
        expected.y.map((label) => expect.stringMatching(new RegExp(`^${label}$`, 'i'))),
      );
      const at = (i: number, t: number, c: number): number => samples.x[(i * steps + t) * channels + c]!;
      expected.sums.forEach((sum, i) => {
        let own = 0;
        for (let t = 0; t < expected.lengths[i]!; t++)
          for (let c = 0; c < channels; c++) own += at(i, t, c) * (1 + t) * (1 + c);
        // The values are read as float32, aeon's as float64; the weights reach channels x steps.
        expect(Math.abs(own - sum)).toBeLessThan(1e-6 * steps * channels * (steps + channels) * 10);
      });
      expected.first.forEach((values, i) => values.forEach((v, c) => expect(at(i, 0, c)).toBe(Math.fround(v))));
    });
  }
});
