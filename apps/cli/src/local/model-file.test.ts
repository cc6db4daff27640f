import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel, tensorBytes } from '@verge/onnx';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digits, temporaryFolder, verge, writeConfig } from '../test-command.js';

let folder: string;
let whole: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await verge('train', '--config', await writeConfig(folder, { epochs: 1 }), '--out', join(folder, 'run'));
  whole = join(folder, 'run', 'model.onnx');
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** The model with its largest tensor in a file of its own. @returns the model's path */
async function split(location: string): Promise<string> {
  const model = decodeModel(await readFile(whole));
  const stored = model.graph.initializers.get('dense2.weight');
  if (!stored || 'external' in stored.value) throw new Error('the model has no tensor dense2.weight');
  const { dtype, dims } = stored.value;
  const bytes = tensorBytes(stored.value);
  expect(bytes).toBe(120 * 84 * 4);
  const data = stored.value.data as Float32Array;
  await writeFile(join(folder, 'weights.bin'), Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  stored.value = { dtype, dims, external: { location, offset: 0, length: bytes } };
  const file = join(folder, 'split.onnx');
  await writeFile(file, encodeModel(model));
  return file;
}

it('reads weights that lie beside the model', async () => {
  const model = await split('weights.bin');
  const expected = (await verge('evaluate', '--model', whole, '--data', digits, '--runs', '1', '--json')).json();
  const run = await verge('evaluate', '--model', model, '--data', digits, '--runs', '1', '--json');
  expect(run.code, run.stderr).toBe(0);
  expect(run.json()['accuracy']).toBe(expected['accuracy']);
  const benchmark = await verge('benchmark', '--model', model, '--runs', '1', '--json');
  expect(benchmark.code, benchmark.stderr).toBe(0);
  expect((await verge('inspect', '--model', model, '--json')).json()).toMatchObject({ parameters: 21_386 });
});

it('trains, compresses and inspects it as if it were one file', async () => {
  const model = await split('weights.bin');
  const results: string[] = [];
  for (const [name, onnx] of Object.entries({ whole, split: model })) {
    const config = await writeConfig(folder, { model: { onnx }, epochs: 1 }, `${name}.yaml`);
    const run = await verge('train', '--config', config, '--out', join(folder, name), '--json');
    expect(run.code, run.stderr).toBe(0);
    results.push((await readFile(join(folder, name, 'model.onnx'))).toString('base64'));
  }
  expect(results[1]).toBe(results[0]);
  const recipe = join(digits, 'recipe-fp32.json');
  // Whether a faster model comes out of it is not what is asked here.
  await verge(
    ...['compress', '--model', model, '--recipe', recipe, '--data', digits],
    ...['--class', 'here', '--out', join(folder, 'folded'), '--json'],
  );
  expect(decodeModel(await readFile(join(folder, 'folded', 'model.onnx'))).graph.initializers.size).toBeGreaterThan(0);
});

it('does not follow a model out of its folder', async () => {
  const run = await verge('benchmark', '--model', await split('../outside.bin'), '--json');
  expect(run.code).toBe(2);
  expect(run.stderr).toMatch(/outside/);
});

it('says which data file is missing', async () => {
  const run = await verge('benchmark', '--model', await split('absent.bin'), '--json');
  expect([run.code, run.stderr]).toEqual([4, expect.stringContaining('absent.bin')]);
});
