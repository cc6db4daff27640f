/** `verge train` with all the state that a run can carry, killed at moments that nobody chose. */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startVerge, temporaryFolder, vergeProcess, writeConfig } from '../test-command.js';

let folder: string;
let config: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  config = await writeConfig(folder, {
    model: { architecture: 'mlp', params: { hidden: [32], dropout: 0.2 } },
    epochs: 14,
    seed: 11,
    optimizer: { name: 'lamb', learningRate: 0.01, groups: [{ match: ['output*'], learningRateFactor: 0.5 }] },
    schedule: { name: 'plateau', patience: 0, factor: 0.8, warmupEpochs: 1 },
    averaging: { kind: 'ema', decay: 0.95 },
    accumulate: 2,
    maxGradientNorm: 1,
    augmentation: { shift: 1, noise: 0.05, mixup: 0.2 },
    prefetch: true,
    metrics: ['accuracy', 'macroF1'],
    monitor: 'macroF1',
    keep: 'best',
  });
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const modelOf = async (out: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(join(out, 'model.onnx')))
    .digest('hex');

it('ends with the bytes of the run that was never killed', async () => {
  const argv = (out: string): string[] => ['train', '--config', config, '--out', join(folder, out)];
  const whole = await vergeProcess(argv('whole'));
  expect(whole.code, whole.stderr).toBe(0);
  const moments = [Math.random(), Math.random()];
  let kills = 0;
  for (const moment of moments) {
    const run = startVerge([...argv('killed'), ...(kills > 0 ? ['--resume'] : [])]);
    // From here on there is a checkpoint; the rest of the run takes longer than the longest wait.
    await run.said('val loss');
    await wait(moment * 60);
    run.child.kill('SIGKILL');
    if ((await run.exit).code === null) kills++;
  }
  expect(kills, `killed at ${moments.join(', ')}`).toBeGreaterThan(0);
  const last = await vergeProcess([...argv('killed'), '--resume', '--json']);
  expect(last.code, last.stderr).toBe(0);
  expect(last.json<{ points: unknown[] }>().points).toHaveLength(14);
  expect(await modelOf(join(folder, 'killed')), `killed at ${moments.join(', ')}`).toBe(
    await modelOf(join(folder, 'whole')),
  );
});
