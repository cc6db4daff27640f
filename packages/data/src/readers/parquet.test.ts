import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Preprocess } from '@verge/contracts';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DataError, openDataset, openSource } from '../index.js';
import { testFolder } from '../test-folder.js';

// Written by pyarrow (its version is in the file); files are base64.
const golden = JSON.parse(readFileSync(new URL('./parquet.golden.json', import.meta.url), 'utf8')) as {
  numbers: { name: string; file: string }[];
  expected: string;
  species: string[];
  images: string;
  lists: string;
  gaps: string;
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const expected = new Float32Array(bytes(golden.expected).buffer);

const { folder, put, remove } = testFolder('verge-parquet-');
afterAll(remove);

describe('Parquet', () => {
  it.each(golden.numbers)('reads columns of numbers, $name', async ({ file }) => {
    const path = await put('numbers.parquet', bytes(file));
    const data = await openDataset(path, { labelColumn: 'species' });
    expect(data).toMatchObject({ format: 'parquet', shape: [5], labels: ['setosa', 'virginica', 'vérsicolor'] });
    expect(data.x).toEqual(expected);
    expect([...data.y].map((c) => data.labels[c])).toEqual(golden.species);
    const source = await openSource(path, { labelColumn: -1, featureColumns: ['c', 'a'], cacheBytes: 0 });
    expect(source.block).toBe(25);
    const { x, y } = await source.read([59, 0, 26, 24]);
    expect([...x]).toEqual([59, 0, 26, 24].flatMap((i) => [expected[i * 5 + 2], expected[i * 5]]));
    expect([...y]).toEqual([59, 0, 26, 24].map((i) => i % 3));
    await source.close();
  });

  it('reads images as Hugging Face writes them, with its names of classes', async () => {
    const path = await put('hf/train-00000-of-00001.parquet', bytes(golden.images));
    const data = await openDataset(path);
    expect(data).toMatchObject({ shape: [2, 3, 3], labels: ['cat', 'dog', 'owl'], y: Int32Array.of(0, 2, 1, 0) });
    expect(data.x).toEqual(Uint8Array.from({ length: 72 }, (_, i) => 10 * Math.floor(i / 18)));
    const preprocess = Preprocess.parse({
      input: { kind: 'image' },
      steps: [
        { op: 'color', to: 'gray' },
        { op: 'scale', scale: 0.5 },
      ],
      output: { layout: 'N', shape: [6] },
    });
    await put('hf/test-00000-of-00001.parquet', bytes(golden.images));
    const parts = await openDataset(join(folder, 'hf'), { preprocess });
    expect(parts.parts).toEqual([...Array<string>(4).fill('test'), ...Array<string>(4).fill('train')]);
    expect([...parts.x.subarray(18, 24)]).toEqual(Array<number>(6).fill(15));
  });

  it('refuses a page whose header lacks a length, which the decoder would read for ever', async () => {
    const { endless } = JSON.parse(readFileSync(new URL('./parquet-damaged.golden.json', import.meta.url), 'utf8')) as {
      endless: string;
    };
    const path = await put('endless.parquet', bytes(endless));
    await expect(openDataset(path, { format: 'parquet', maxUnreadable: 60 })).rejects.toThrow(
      /a page header says \w+ \w+, expected a whole number from 0/,
    );
  });

  it('reads a column of lists, and names rows that are none', async () => {
    const path = await put('lists.parquet', bytes(golden.lists));
    const data = await openDataset(path, { maxUnreadable: 3 });
    expect(data).toMatchObject({ shape: [2], labels: ['0', '1'], y: Int32Array.of(1, 0) });
    expect([...data.x]).toEqual([1.5, 2.5, 3.5, 4.5]);
    expect(data.unreadable.rows).toEqual([
      { where: 'lists.parquet row 2 of group 0', reason: "'x' is missing" },
      { where: 'lists.parquet row 3 of group 0', reason: '[1], the first row is [2]' },
      { where: 'lists.parquet row 4 of group 0', reason: "'x' is missing" },
    ]);
    await expect(openDataset(path, { maxUnreadable: 2 })).rejects.toMatchObject({ code: 'unreadable-rows' });
  });

  it('leaves rows without a label or a number out, and says which', async () => {
    const path = await put('gaps.parquet', bytes(golden.gaps));
    const data = await openDataset(path, { maxUnreadable: 3 });
    expect([...data.x]).toEqual([1, 1, 5, 5]);
    expect(data.unreadable.rows.map(({ reason }) => reason)).toEqual([
      "the label 'label' is missing",
      "'u' is missing",
      "'u' is missing",
    ]);
  });

  it('refuses columns that are not there or are no numbers, and broken files', async () => {
    const path = await put('n.parquet', bytes(golden.numbers[0]!.file));
    const code = (options: object) =>
      openDataset(path, options).then(
        () => null,
        (e: DataError) => e.code,
      );
    expect(await code({ labelColumn: 'nope' })).toBe('missing-part');
    expect(await code({ featureColumns: ['a', 'zz'] })).toBe('missing-part');
    expect(await code({ labelColumn: 'a' })).toBe('missing-part');
    expect(await code({ maxBytes: 100 })).toBe('too-large');
    const whole = bytes(golden.numbers[0]!.file);
    await expect(openDataset(await put('cut.parquet', whole.subarray(0, 900)))).rejects.toMatchObject({
      code: 'malformed',
    });
    await expect(openDataset(await put('p/x.parquet', whole), { labelColumn: 'species' })).resolves.toBeDefined();
    await put('p/y.parquet', bytes(golden.lists));
    await expect(openDataset(join(folder, 'p'), { labelColumn: 'species' })).rejects.toMatchObject({
      code: 'shape-mismatch',
    });
  });

  it('meets any damage to a file with samples or a DataError, in bounded time and memory', async () => {
    const files = [golden.lists, golden.gaps, golden.images, ...golden.numbers.map(({ file }) => file)].map(bytes);
    const damage = fc.record({
      which: fc.nat(files.length - 1),
      edits: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
        minLength: 1,
        maxLength: 8,
      }),
      footer: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ which, edits, footer }) => {
        const file = files[which]!.slice();
        // Most of a small file is its footer; half of the damage goes to the pages before it.
        const end = footer ? file.length : file.length - 8 - new DataView(file.buffer).getUint32(file.length - 8, true);
        for (const [place, value] of edits) file[Math.floor(place * (end - 1))] = value;
        const path = await put('fuzz.parquet', file);
        const error: unknown = await openDataset(path, {
          format: 'parquet',
          maxUnreadable: 60,
          maxBytes: 1 << 20,
        }).then(
          () => null,
          (e: unknown) => e,
        );
        if (error !== null && !(error instanceof DataError)) throw error;
      }),
      { numRuns: process.env['VERGE_TEST_FULL'] ? 3000 : 100 },
    );
  });
});
