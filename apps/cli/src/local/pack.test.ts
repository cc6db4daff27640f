import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeModel } from '@verge/onnx';
import { buildArchitecture } from '@verge/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder, verge } from '../test-command.js';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(at('old.onnx'), encodeModel(buildArchitecture('mlp', { input: [64], classes: 4 })));
  const changed = await readFile(at('old.onnx'));
  changed[changed.length - 300]! ^= 1;
  await writeFile(at('new.onnx'), changed);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('packs a model and gives back the very same file, also as a change of another', async () => {
  for (const base of [[], ['--base', at('old.onnx')]]) {
    const made = await verge('pack', at('new.onnx'), '--out', at('m.vpk'), ...base, '--json');
    expect(made.code).toBe(0);
    const { bytes, packed } = made.json<{ bytes: number; packed: number }>();
    expect(packed).toBeLessThan(base.length > 0 ? 400 : bytes);
    expect((await readFile(at('m.vpk'))).length).toBe(packed);
    const back = await verge('unpack', at('m.vpk'), '--out', at('back.onnx'), ...base);
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining('sha256')]);
    expect(await readFile(at('back.onnx'))).toEqual(await readFile(at('new.onnx')));
  }
});

it('refuses what is damaged or not packed, and leaves no file', async () => {
  const other = await verge('unpack', at('new.onnx'), '--out', at('none.onnx'));
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('no packed file')]);
  await verge('pack', at('new.onnx'), '--out', at('m.vpk'));
  const packed = await readFile(at('m.vpk'));
  packed[packed.length - 20]! ^= 4;
  await writeFile(at('m.vpk'), packed);
  const damaged = await verge('unpack', at('m.vpk'), '--out', at('none.onnx'), '--json');
  expect(damaged.code).toBe(2);
  expect(damaged.json()).toMatchObject({ error: { reason: 'damaged' } });
  const missing = await verge('pack', at('nowhere.onnx'), '--out', at('m.vpk'));
  expect(missing.code).toBe(4);
  expect((await readdir(folder)).filter((name) => name.includes('none'))).toEqual([]);
});
