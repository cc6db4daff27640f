/** Tables as people have them, in every form that is read: the same as pandas reads, or refused where that is no number. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Dataset, openDataset, openSource, type OpenOptions } from '../index.js';
import { testFolder } from '../test-folder.js';

interface Numbers {
  width: number;
  unreadable: number;
  x: number[];
  labels: (number | string)[];
  number: boolean;
}

// Written by goldens/tables.py (the version of pandas is in the file); files are base64.
const { cases } = JSON.parse(readFileSync(new URL('./tables.golden.json', import.meta.url), 'utf8')) as {
  cases: {
    name: string;
    file: string;
    suffix: string;
    options?: OpenOptions;
    expected: Numbers | { text: string[] };
  }[];
};

const { put, remove } = testFolder('verge-tables-');
afterAll(remove);

/** What is right of each row as pandas has it: numbers as numbers, anything else as text. */
const rightOf = (
  { y, labels, targets }: Pick<Dataset, 'y' | 'labels' | 'targets'>,
  like: Numbers,
): (number | string)[] =>
  like.number
    ? Array.from(targets ?? [])
    : Array.from(y, (c) => (typeof like.labels[0] === 'number' ? Number(labels[c]) : labels[c]!));

describe('tables as pandas reads them', () => {
  it.each(cases)('$name', async ({ name, file, suffix, options = {}, expected }) => {
    const path = await put(`${name.replaceAll(/[^a-z0-9]+/gi, '-')}${suffix}`, Buffer.from(file, 'base64'));
    if ('text' in expected) {
      const refused = { code: expect.stringMatching(/^(missing-part|unreadable-rows|malformed)$/) };
      await expect(openDataset(path, options)).rejects.toMatchObject(refused);
      await expect(openSource(path, options)).rejects.toMatchObject(refused);
      return;
    }
    const { unreadable, width, x } = expected;
    if (unreadable > 0)
      await expect(openDataset(path, options)).rejects.toMatchObject({
        code: expect.stringMatching(/^(unreadable-rows|malformed)$/),
      });
    // Where no row is left there is nothing to compare.
    if (x.length === 0) return;
    const read = { ...options, maxUnreadable: unreadable };
    const data = await openDataset(path, read);
    expect(data.shape).toEqual([width]);
    expect([...data.x]).toEqual(x);
    expect(rightOf(data, expected)).toEqual(
      expected.number ? expected.labels.map((label) => Math.fround(Number(label))) : expected.labels,
    );
    expect(data.unreadable.count).toBe(unreadable);
    const source = await openSource(path, read);
    const batch = await source.read({ from: 0, to: source.count });
    expect([...batch.x]).toEqual(x);
    expect(rightOf(batch, expected)).toEqual(rightOf(data, expected));
    expect(source.notes).toEqual(data.notes);
    await source.close();
  });
});
