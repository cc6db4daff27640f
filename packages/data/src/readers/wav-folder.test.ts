import { join } from 'node:path';
import { Preprocess } from '@verge/contracts';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openDataset, openSource, splitIndices } from '../index.js';
import { testFolder } from '../test-folder.js';
import { wav } from '../preprocess/audio/test-wav.js';
import { nameReader } from './file-names.js';

const { folder, put, remove } = testFolder('verge-wav-');
afterAll(remove);

const tone = (n: number, level: number): Uint8Array => wav(new Float32Array(n).fill(level));
const preprocess = Preprocess.parse({
  input: { kind: 'audio' },
  steps: [{ op: 'fit-length', steps: 3 }],
  output: { layout: 'CT', shape: [1, 3] },
});

describe('folders of recordings', () => {
  it('opens class folders, with parts, recordings of one length without a pipeline', async () => {
    await put('a/train/yes/1.wav', tone(2, 0.5));
    await put('a/train/no/2.WAV', tone(2, 0.25));
    await put('a/test/yes/3.wav', tone(2, -0.5));
    const data = await openDataset(join(folder, 'a'));
    expect(data).toMatchObject({ format: 'wav-folder', shape: [2, 1], labels: ['no', 'yes'] });
    expect([...data.y]).toEqual([1, 0, 1]);
    expect(data.parts).toEqual(['test', 'train', 'train']);
    [-0.5, -0.5, 0.25, 0.25, 0.5, 0.5].forEach((v, i) => expect(data.x[i]).toBeCloseTo(v, 4));
    await put('a/test/yes/4.wav', tone(3, 0));
    await expect(openDataset(join(folder, 'a'))).rejects.toMatchObject({
      code: 'unreadable-rows',
      problems: ['test/yes/4.wav: [3, 1], the first is [2, 1]'],
    });
    expect(await openDataset(join(folder, 'a'), { preprocess })).toMatchObject({
      shape: [1, 3],
      unreadable: { count: 0 },
    });
  });

  it('reads class and part from names, as dataset.json says', async () => {
    for (const [name, level] of [
      ['3_ann_0.wav', 0.1],
      ['3_bob_5.wav', 0.2],
      ['10_ann_11.wav', 0.3],
      ['10_ann_7.wav', 0.4],
    ] as const)
      await put(`b/clips/${name}`, tone(4, level));
    await put('b/clips/notes.txt', 'no recording');
    const described = {
      schema: 'verge.dataset/1',
      name: 'digits',
      file: 'clips',
      format: 'wav-folder',
      names: {
        pattern: '{digit}_{speaker}_{n}.wav',
        label: 'digit',
        test: { field: 'n', below: 5 },
        validation: { field: 'speaker', in: ['ann'] },
      },
      preprocess,
    };
    await put('b/dataset.json', JSON.stringify(described));
    const data = await openDataset(join(folder, 'b'));
    expect(data).toMatchObject({ name: 'digits', labels: ['3', '10'], y: Int32Array.of(1, 1, 0, 0) });
    expect(data.parts).toEqual(['validation', 'validation', 'test', 'train']);
    const source = await openSource(join(folder, 'b'));
    const { test } = splitIndices(source);
    expect((await source.read(test)).x[0]).toBeCloseTo(0.1, 3);
    await source.close();
  });

  it('keeps a group from the names in one part', async () => {
    const names = { pattern: '{digit}_{speaker}_{n}.wav', label: 'digit', group: 'speaker' };
    const data = await openDataset(join(folder, 'b/clips'), { names, preprocess });
    expect([...(data.groups ?? [])]).toEqual([0, 0, 0, 1]);
    // Two speakers: the split has two things to divide.
    const { train, validation, test } = splitIndices(data);
    const sides = [train, validation, test].map((part) => new Set([...part].map((i) => data.groups?.[i])));
    expect(sides.reduce((n, side) => n + side.size, 0)).toBe(2);
  });

  it('counts names that do not fit and files that cannot be read, and stops at the limit', async () => {
    await put('b/clips/stranger.wav', tone(4, 0));
    await put('b/clips/4_cut_9.wav', tone(4, 0).subarray(0, 47));
    await expect(openDataset(join(folder, 'b'))).rejects.toMatchObject({ code: 'unreadable-rows' });
    const data = await openDataset(join(folder, 'b'), { maxUnreadable: 2 });
    expect(data.unreadable.rows.map(({ where }) => where)).toEqual(['stranger.wav', '4_cut_9.wav']);
    expect(data.y).toHaveLength(4);
    await expect(openDataset(join(folder, 'b'), { maxUnreadable: 1 })).rejects.toMatchObject({
      code: 'unreadable-rows',
    });
    await expect(
      openDataset(join(folder, 'b'), { names: { pattern: '{a}{b}_{a}.wav', test: { field: 'z' } } }),
    ).rejects.toMatchObject({
      code: 'bad-setting',
      problems: [
        expect.stringContaining('nothing between {a} and {b}'),
        expect.stringContaining('no field {label}'),
        expect.stringContaining('no field {z}'),
        expect.stringContaining('{a} twice'),
      ],
    });
    // Every recording has the wrong rate: what to do about it is said, not only that none can be read.
    const other = Preprocess.parse({
      ...preprocess,
      steps: [{ op: 'log-mel', rate: 16_000, fft: 16, hop: 4 }],
      output: { layout: 'TC', shape: [2, 40] },
    });
    await expect(openDataset(join(folder, 'a'), { preprocess: other })).rejects.toMatchObject({
      code: 'unreadable-rows',
      message: expect.stringContaining('the recording has 8000 Hz: resample it first'),
    });
    await put('none/read.me', 'nothing to hear');
    await expect(openDataset(join(folder, 'none'), { format: 'wav-folder' })).rejects.toMatchObject({
      code: 'missing-part',
    });
  });

  it('reads back every name that was made from a pattern', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9 +(]{1,8}$/);
    fc.assert(
      fc.property(value, value, fc.constantFrom('-', '^', ']', '\\', '.', '_', '$', '{'), (label, other, between) => {
        const read = nameReader({ pattern: `{label}${between}{x}.wav`, test: { field: 'x', in: [other] } });
        expect(read(`${label}${between}${other}.wav`)).toEqual({ label, part: 'test', group: null });
        expect(read(`${label}${other}.wav`)).toBeNull();
      }),
      { numRuns: 200 },
    );
  });
});
