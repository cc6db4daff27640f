import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeModel } from '@verge/onnx';
import { buildArchitecture } from '@verge/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, verge } from '../test-command.js';

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  model = join(folder, 'mlp.onnx');
  await writeFile(model, encodeModel(buildArchitecture('mlp', { input: [4], classes: 2 })));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('targets', () => {
  it('lists them, and says of one what it asks and where that is said', async () => {
    const all = await verge('targets', '--json');
    const { targets } = JSON.parse(all.stdout) as { targets: { name: string; rules: { source: string }[] }[] };
    expect(targets.map((t) => t.name)).toContain('edge-tpu');
    const one = await verge('targets', 'edge-tpu');
    expect([one.code, one.stdout]).toEqual([0, expect.stringContaining('coral.ai')]);
  });

  it('says what a model breaks of each, or of one, and fails where that one refuses it', async () => {
    const each = await verge('targets', '--model', model);
    expect([each.code, each.stdout]).toEqual([0, expect.stringMatching(/edge-tpu +static-shapes \(refused\): 1/)]);
    const fits = await verge('targets', 'x64-avx2', '--model', model);
    expect([fits.code, fits.stdout]).toEqual([0, expect.stringContaining('breaks none of the 5 rules')]);
    const refused = await verge('targets', 'edge-tpu', '--model', model);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('open size');
  });

  it('names what there is for a target that there is not', async () => {
    const { code, stderr } = await verge('targets', 'pi');
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('raspberry-pi-4')]);
    const compress = await verge(
      'compress',
      '--target',
      'pi',
      '--model',
      model,
      '--recipe',
      model,
      '--data',
      folder,
      '--out',
      join(folder, 'o'),
    );
    expect(compress.code).not.toBe(0);
  });
});
