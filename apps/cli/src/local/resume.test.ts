/** `verge train` stopped by signals, then resumed: the bytes are those of a run that nobody stopped. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startVerge, temporaryFolder, vergeProcess, writeConfig } from '../test-command.js';

let folder: string;
let config: string;
let expected: string;

const modelOf = async (out: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(join(out, 'model.onnx')))
    .digest('hex');

beforeAll(async () => {
  folder = await temporaryFolder();
  const augmentation = { shift: 1, rotate: 10 };
  const schedule = { name: 'cosine', warmupEpochs: 1 };
  config = await writeConfig(folder, { epochs: 8, seed: 3, augmentation, schedule, earlyStop: { patience: 8 } });
  const out = join(folder, 'whole');
  const run = await vergeProcess(['train', '--config', config, '--out', out]);
  expect(run.code, run.stderr).toBe(0);
  expected = await modelOf(out);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('goes on after kill -9, twice', async () => {
  const out = join(folder, 'killed');
  const argv = ['train', '--config', config, '--out', out];
  const first = startVerge(argv);
  await first.said('epoch 3/8');
  first.child.kill('SIGKILL');
  expect((await first.exit).code).toBeNull();
  expect(await readdir(out)).not.toContain('model.onnx');
  expect((await vergeProcess(argv)).code).toBe(2);
  const second = startVerge([...argv, '--resume']);
  await second.said('epoch 5/8');
  second.child.kill('SIGKILL');
  await second.exit;
  const third = await vergeProcess([...argv, '--resume', '--json']);
  expect(third.code, third.stderr).toBe(0);
  expect(third.stderr).toContain('going on from the last checkpoint');
  expect(third.stderr).not.toContain('epoch 3/8');
  expect(third.json<{ points: { epoch: number }[] }>().points.map((p) => p.epoch)).toEqual(
    Array.from({ length: 8 }, (_, i) => i + 1),
  );
  expect(await modelOf(out)).toBe(expected);
  expect(await readdir(out)).not.toContain('checkpoint.bin');
});

it('ends in good order on Ctrl-C, and says how to go on', async () => {
  const out = join(folder, 'interrupted');
  const argv = ['train', '--config', config, '--out', out];
  const run = startVerge(argv);
  await run.said('epoch 2/8');
  run.child.kill('SIGINT');
  const { code, stderr } = await run.exit;
  expect(code).toBe(130);
  expect(stderr).toContain(`go on with: verge train --config ${config} --out ${out} --resume`);
  expect((await vergeProcess([...argv, '--resume'])).code).toBe(0);
  expect(await modelOf(out)).toBe(expected);
});

it('refuses a damaged checkpoint, and starts over when told to', async () => {
  const out = join(folder, 'damaged');
  const argv = ['train', '--config', config, '--out', out];
  const run = startVerge(argv);
  await run.said('epoch 2/8');
  run.child.kill('SIGKILL');
  await run.exit;
  await writeFile(join(out, 'checkpoint.bin'), (await readFile(join(out, 'checkpoint.bin'))).subarray(0, 1000));
  const refused = await vergeProcess([...argv, '--resume', '--json']);
  expect(refused.code).toBe(2);
  expect(refused.json<{ error: object }>().error).toMatchObject({ reason: 'bad-checkpoint' });
  expect((await vergeProcess([...argv, '--force'])).code).toBe(0);
  expect(await modelOf(out)).toBe(expected);
});
