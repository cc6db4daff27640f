/** `verge compress` without a recipe: stopped, taken up, and refused. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SearchReport } from '@verge/contracts';
import { encodeNpz, loadDigits } from '@verge/data';
import { digits, startVerge, temporaryFolder, verge, vergeProcess, writeConfig } from '../test-command.js';

let folder: string;
let common: string[];

beforeAll(async () => {
  folder = await temporaryFolder();
  const config = await writeConfig(folder, { epochs: 4, seed: 3 });
  const trained = await verge('train', '--config', config, '--out', join(folder, 'trained'));
  expect(trained.code, trained.stderr).toBe(0);
  // Without labels nothing is tuned, which takes seconds.
  const { x, y, shape } = await loadDigits(digits);
  const values = { dtype: 'float32', dims: [y.length, ...shape], data: Float32Array.from(x) };
  const data = join(folder, 'unlabelled.npz');
  await writeFile(data, encodeNpz([['x', values]]));
  // Of another architecture, so that no time of this machine decides.
  const target = process.arch === 'arm64' ? 'x64-vnni' : 'raspberry-pi-5';
  common = ['compress', '--model', join(folder, 'trained', 'model.onnx'), '--data', data, '--target', target];
}, 60_000);
afterAll(async () => rm(folder, { recursive: true, force: true }));

const reportIn = async (out: string): Promise<SearchReport> =>
  SearchReport.parse(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')));

/** All that was found but for times. */
const found = ({ best, variants }: SearchReport) => ({
  best,
  variants: variants.map(({ id, verdict, points, divergence, bytes, macs }) => ({
    ...{ id, verdict, points, divergence, bytes, macs },
  })),
});

it('finds the same front after kill -9, twice, as a run that nobody stopped', { timeout: 240_000 }, async () => {
  const whole = join(folder, 'whole');
  const run = await vergeProcess([...common, '--max-drop', '5', '--out', whole]);
  expect(run.code, run.stderr).toBe(0);
  const expected = await reportIn(whole);
  const best = expected.variants.find((v) => v.id === expected.best)!;
  expect((await readFile(join(whole, 'model.onnx'))).byteLength).toBe(best.bytes);
  expect(best.bytes).toBeLessThan(0.5 * expected.before.bytes);
  expect(best.points).toBeLessThanOrEqual(5);
  expect(run.stdout).toMatch(/latency is to be measured on the device/);
  for (const v of expected.variants) expect(v.reason, v.id).not.toBe('');

  const out = join(folder, 'killed');
  const argv = [...common, '--max-drop', '5', '--out', out];
  for (const at of ['5 ', '11 ']) {
    const part = startVerge(argv);
    await part.said(at);
    part.child.kill('SIGKILL');
    expect((await part.exit).code).toBeNull();
    expect(await readdir(out)).not.toContain('model.onnx');
  }
  // Half of a line, as a kill while it is written leaves it.
  const journal = join(out, 'journal.jsonl');
  await writeFile(journal, (await readFile(journal, 'utf8')) + '{"id":"half');
  const last = await vergeProcess(argv);
  expect(last.code, last.stderr).toBe(0);
  const resumed = await reportIn(out);
  expect(resumed.resumed).toBeGreaterThanOrEqual(8);
  expect(found(resumed)).toEqual(found(expected));
  expect(await readFile(join(out, 'model.onnx'))).toEqual(await readFile(join(whole, 'model.onnx')));

  const other = await verge(...common, '--max-drop', '2', '--out', out);
  expect([other.code, other.stderr]).toEqual([
    2,
    expect.stringMatching(/holds a search for another model, data, budget/),
  ]);
});

it('names the nearest variant where the budget is impossible, and writes no model', { timeout: 120_000 }, async () => {
  const out = join(folder, 'impossible');
  const run = await vergeProcess([...common, '--max-bytes', '100', '--max-seconds', '5', '--out', out]);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(
    /no variant keeps to the budget; the nearest is '.+', \d+ bytes: .*it has \d+ bytes; 100 are allowed/,
  );
  expect(await readdir(out)).not.toContain('model.onnx');
  const report = await reportIn(out);
  expect([report.best, report.nearest]).toEqual([null, expect.any(String)]);
});

it('refuses a budget beside a recipe, and one that is none', async () => {
  const recipe = join(folder, 'recipe.json');
  await writeFile(recipe, JSON.stringify({ name: 'fold', passes: [{ pass: 'fold' }] }));
  const both = await verge(...common, '--recipe', recipe, '--max-drop', '1', '--out', join(folder, 'both'));
  expect([both.code, both.stderr]).toEqual([2, expect.stringMatching(/--max-drop: for a search, without --recipe/)]);
  const none = await verge(...common, '--max-seconds', '0', '--out', join(folder, 'none'));
  expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/--max-seconds: /)]);
});
