import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDataset, openSource } from '../index.js';
import { wav } from '../preprocess/audio/test-wav.js';
import { testFolder } from '../test-folder.js';

const { folder, put, remove } = testFolder('verge-folders-');
afterAll(remove);

const sample = (name: string, level = 0): Promise<string> => put(name, wav([level, level]));
const open = (name: string) => openDataset(join(folder, name));

describe('class folders', () => {
  it('leave out what is hidden, of another kind or without a class, and say so', async () => {
    for (const name of ['b/one.wav', 'c/sub/two.wav', 'c/three.wav']) await sample(`plain/${name}`);
    for (const name of ['.ipynb_checkpoints/one.wav', 'b/._one.wav', '__MACOSX/b/one.wav', 'stray.wav'])
      await sample(`plain/${name}`);
    await put('plain/b/notes.txt', 'of the day');
    await mkdir(join(folder, 'plain/empty'));
    const data = await open('plain');
    expect(data).toMatchObject({ labels: ['b', 'c'], y: Int32Array.of(0, 1, 1) });
    const notes = [
      'left out, hidden: 3 (.ipynb_checkpoints, __MACOSX, b/._one.wav)',
      'left out, file of another kind: 1 (b/notes.txt)',
      'left out, sample beside the class folders: 1 (stray.wav)',
      'left out, class folder without a sample: 1 (empty)',
      "1 samples lie in folders below their class's, and are of that class",
    ];
    expect([...data.notes!].sort()).toEqual([...notes].sort());
    const source = await openSource(join(folder, 'plain'));
    expect(source.notes).toEqual(data.notes);
    await source.close();
  });

  it('follow links, and no link in a circle', async () => {
    await sample('elsewhere/1.wav', 0.5);
    await sample('links/a/2.wav');
    await symlink(join(folder, 'elsewhere'), join(folder, 'links/b'));
    await symlink(join(folder, 'elsewhere/1.wav'), join(folder, 'links/a/1.wav'));
    await symlink(join(folder, 'links'), join(folder, 'links/a/round'));
    await symlink(join(folder, 'nowhere'), join(folder, 'links/a/0.wav'));
    const data = await open('links');
    expect(data).toMatchObject({ labels: ['a', 'b'], y: Int32Array.of(0, 0, 1) });
    expect(data.x[0]).toBeCloseTo(0.5, 4);
    expect(data.notes).toEqual([
      'left out, link to nothing: 1 (a/0.wav)',
      'left out, link to a folder around it: 1 (a/round)',
    ]);
  });

  it.each(['valid', 'Validation', 'val', 'DEV'])('take %s for the validation part', async (name) => {
    await sample(`p-${name}/TRAIN/a/1.wav`);
    await sample(`p-${name}/${name}/a/1.wav`);
    await sample(`p-${name}/Test/a/1.wav`);
    await put(`p-${name}/README.txt`, 'read me');
    await put(`p-${name}/docs/more.txt`, 'more');
    const { labels, parts } = await open(`p-${name}`);
    expect(labels).toEqual(['a']);
    expect([...parts!].sort()).toEqual(['test', 'train', 'validation']);
  });

  it('may be called as parts are, where they lie beside other classes', async () => {
    await sample('vehicles/train/1.wav');
    await sample('vehicles/car/1.wav');
    expect(await open('vehicles')).toMatchObject({ labels: ['car', 'train'] });
  });

  it('are refused where a folder could be a part or a class', async () => {
    await sample('mixed/train/a/1.wav');
    await sample('mixed/more/a/1.wav');
    await expect(open('mixed')).rejects.toMatchObject({
      code: 'unknown-format',
      problems: ["'more' lies beside folders of parts, and is none"],
    });
    await sample('flat/train/1.wav');
    await sample('flat/test/1.wav');
    await expect(open('flat')).rejects.toMatchObject({
      problems: [
        "'test' is a part, and holds samples without a class folder",
        "'train' is a part, and holds samples without a class folder",
      ],
    });
  });
});
