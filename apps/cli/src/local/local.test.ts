import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CompressionReport } from '@verge/contracts';
import { encodeNpz, loadDigits, splitSamples } from '@verge/data';
import { float32 } from '@verge/onnx';
import { openSession } from '@verge/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digits, temporaryFolder, verge, vergeProcess, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  const { code, stderr } = await verge('train', '--config', await writeConfig(folder), '--out', join(folder, 'run'));
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/epoch 3\/3 {2}train loss [0-9.]+ acc [0-9.]+ % {2}val loss/);
  model = join(folder, 'run', 'model.onnx');
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** The share of right answers, counted here. */
async function accuracyOf(file: string): Promise<number> {
  const { test } = splitSamples(await loadDigits(digits));
  const session = await openSession(await readFile(file));
  const { output_out: scores } = await session.run({
    input: float32([test.y.length, 1, 8, 8], Float32Array.from(test.x)),
  });
  await session.release();
  const values = scores?.data as Float32Array;
  const right = test.y.filter((label, i) => {
    const row = [...values.subarray(10 * i, 10 * i + 10)];
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / test.y.length;
}

describe('train', () => {
  it('leaves the model, its report and its configuration, and nothing else', async () => {
    expect((await readdir(join(folder, 'run'))).sort()).toEqual(['config.json', 'model.onnx', 'report.json']);
    const report = JSON.parse(await readFile(join(folder, 'run', 'report.json'), 'utf8')) as TrainReport;
    expect(Object.keys(report)).toEqual([
      'config',
      'points',
      'measurement',
      'validation',
      'test',
      'metrics',
      'confusion',
      'parameters',
      'repairs',
      'assumed',
      'bestEpoch',
      'seconds',
    ]);
    expect(report.points.map((p) => p.epoch)).toEqual([1, 2, 3]);
    expect([report.validation.samples, report.test.samples]).toEqual([179, 359]);
    expect(report.test.accuracy).toBe(await accuracyOf(model));
    expect(report.parameters?.map(({ fate }) => fate)).toContain('moves');
  });

  it('does not touch a folder that is not empty, and does not train again what is trained', async () => {
    const argv = ['train', '--config', join(folder, 'train.yaml'), '--out', join(folder, 'run')];
    const refused = await verge(...argv);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('is not empty')]);
    const again = await verge(...argv, '--resume', '--json');
    expect(again.stderr).toContain('complete already');
    expect(again.json()).toEqual(JSON.parse(await readFile(join(folder, 'run', 'report.json'), 'utf8')));
    const other = await writeConfig(folder, { epochs: 4, seed: 2 }, 'other.yaml');
    const changed = await verge('train', '--config', other, '--out', join(folder, 'run'), '--resume');
    expect([changed.code, changed.stderr]).toEqual([2, expect.stringContaining('different: epochs, seed')]);
    const forced = await verge('train', '--config', other, '--out', join(folder, 'forced'), '--force', '--json');
    expect(forced.json<TrainReport>().points).toHaveLength(4);
  });

  it('distils where the configuration names a teacher, and reads paths relative to its file', async () => {
    const config = { model: { architecture: 'mlp' }, teacher: 'run/model.onnx', distillation: {}, epochs: 2 };
    const file = await writeConfig(folder, config, 'student.yaml');
    const run = await verge('train', '--config', file, '--out', join(folder, 'student'), '--json');
    expect(run.code, run.stderr).toBe(0);
    expect(run.json<TrainReport>().config.distillation).toEqual({ temperature: 4, alpha: 0.3 });
  });
});

describe('evaluate', () => {
  it('answers with the figures that scripts rely on', async () => {
    const answer = (await verge('evaluate', '--model', model, '--data', digits, '--json')).json();
    const keys = ['samples', 'accuracy', 'top5', 'quality', 'p50Ms', 'p95Ms', 'peakRssBytes', 'bytes'];
    expect(Object.keys(answer)).toEqual(keys);
    expect(answer).toMatchObject({ samples: 359, accuracy: await accuracyOf(model) });
    expect(answer['bytes']).toBe((await readFile(model)).byteLength);
    for (const name of ['p50Ms', 'p95Ms', 'peakRssBytes']) expect(answer[name]).toBeGreaterThan(0);
  });

  it.each([
    ['train', 1259],
    ['validation', 179],
    ['all', 1797],
  ])('takes the part %s when asked', async (part, samples) => {
    const run = await verge('evaluate', '--model', model, '--data', digits, '--part', part, '--runs', '1', '--json');
    expect(run.json()).toMatchObject({ samples });
  });

  it('takes every sample of a bare file, with a pipeline of its own', async () => {
    // Two digits as an IDX pair of 8x8 bytes: 0 to 16, as in the original.
    const { test } = splitSamples(await loadDigits(digits));
    const header = (...sizes: number[]): Buffer => {
      const bytes = Buffer.alloc(4 + 4 * sizes.length);
      bytes.set([0, 0, 8, sizes.length]);
      sizes.forEach((n, i) => bytes.writeUInt32BE(n, 4 + 4 * i));
      return bytes;
    };
    const pixels = Uint8Array.from(test.x.subarray(0, 2 * 64), (v) => v * 16);
    await writeFile(join(folder, 'two-images-idx3-ubyte'), Buffer.concat([header(2, 8, 8), pixels]));
    // A label 9 makes ten classes.
    const labels = Uint8Array.of(test.y[0] ?? 0, 9);
    await writeFile(join(folder, 'two-labels-idx1-ubyte'), Buffer.concat([header(2), labels]));
    const data = join(folder, 'two-images-idx3-ubyte');
    const bare = await verge('evaluate', '--model', model, '--data', data, '--json');
    expect(bare.code).toBe(2);
    expect(bare.json<{ error: object }>().error).toMatchObject({
      code: 'usage',
      reason: 'bad-samples',
      details: [expect.stringContaining('--preprocess')],
    });
    const { preprocess } = JSON.parse(await readFile(join(digits, 'dataset.json'), 'utf8')) as { preprocess: object };
    await writeFile(join(folder, 'preprocess.json'), JSON.stringify(preprocess));
    const argv = ['--data', data, '--preprocess', join(folder, 'preprocess.json'), '--json'];
    expect((await verge('evaluate', '--model', model, ...argv)).json()).toMatchObject({ samples: 2 });
  });
});

describe('benchmark and inspect', () => {
  it('measures with as many threads and at least as many runs as told', async () => {
    const run = await verge('benchmark', '--model', model, '--threads', '2', '--runs', '30', '--json');
    const answer = run.json<Record<string, number>>();
    expect(answer).toMatchObject({ threads: 2, p50Ms: expect.any(Number), machine: expect.any(String) });
    expect(answer['runs']).toBeGreaterThanOrEqual(30);
    expect(answer['p95Ms']).toBeGreaterThanOrEqual(answer['p50Ms'] ?? Infinity);
    expect(answer['peakRssBytes']).toBeGreaterThan(answer['baselineRssBytes'] ?? Infinity);
  });

  it('says what the model consists of', async () => {
    const summary = (await verge('inspect', '--model', model, '--json')).json();
    // LeNet on [1, 8, 8]: 6 filters of 5x5, 16 of 6x5x5, dense 64-120-84-10, all with biases.
    const parameters = 6 * 26 + 16 * 151 + 65 * 120 + 121 * 84 + 85 * 10;
    const macs = 64 * 6 * 25 + 16 * 16 * 150 + 64 * 120 + 120 * 84 + 84 * 10;
    expect(summary).toMatchObject({
      inputs: [{ name: 'input', dtype: 'float32', shape: ['N', 1, 8, 8] }],
      operators: { Conv: 2, Gemm: 3, Relu: 4, MaxPool: 2, Flatten: 1 },
      opsets: { 'ai.onnx': expect.any(Number) },
      parameters,
      macs,
      assumed: { N: 1 },
    });
    const four = (await verge('inspect', '--model', model, '--dim', 'N=4', '--json')).json();
    expect(four['macs']).toBe(4 * macs);
    const { stdout } = await verge('inspect', '--model', model);
    expect(stdout).toMatch(/^conv2 +Conv +\[1, 16, 4, 4\] +2,416 +38,400$/m);
  });
});

describe('compress', () => {
  async function recipe(name: string, maxSizeRatio: number): Promise<string> {
    const file = join(folder, `${name}.json`);
    const passes = [{ pass: 'fold' }, { pass: 'quantize-static', samples: 64 }];
    const budget = { maxAccuracyDropPoints: 100, maxLatencyRatio: 1000, maxSizeRatio };
    await writeFile(file, JSON.stringify({ name, passes, budget }));
    return file;
  }

  it('writes the model and its report', async () => {
    const out = join(folder, 'int8');
    const file = await recipe('int8', 1);
    const target = ['--class', 'gateway', '--threads', '2', '--no-vnni'];
    const argv = ['compress', '--model', model, '--recipe', file, '--data', digits, '--out', out, ...target, '--json'];
    const run = await verge(...argv);
    expect(run.code, run.stderr).toBe(0);
    const report = CompressionReport.parse(run.json());
    expect(report).toEqual(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')));
    expect(report.target).toMatchObject({ name: 'gateway', threads: 2, vnni: false });
    expect(report.after.bytes).toBe((await readFile(join(out, 'model.onnx'))).byteLength);
    expect(report.after.bytes).toBeLessThan(report.before.bytes / 2);
    expect(report.passes.map((p) => p.pass)).toEqual(['fold', 'quantize-static']);
    expect((await verge(...argv)).code).toBe(2);
  });

  it('ends with 1 when the result is not offered, after writing it', async () => {
    const out = join(folder, 'refused');
    const file = await recipe('tight', 0.01);
    const run = await vergeProcess([
      'compress',
      '--model',
      model,
      '--recipe',
      file,
      '--data',
      digits,
      '--out',
      out,
      '--json',
    ]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/is not offered to the class 'local'\n {2}the size is/);
    expect(run.json()).toMatchObject({ offered: false, reasons: [expect.stringMatching(/^the size is/)] });
    expect((await readdir(out)).sort()).toEqual(['model.onnx', 'report.html', 'report.json']);
  });

  it('takes samples without labels, and judges by likeness', async () => {
    const { x, y, shape } = await loadDigits(digits);
    const values = { dtype: 'float32', dims: [y.length, ...shape], data: Float32Array.from(x) };
    const data = join(folder, 'unlabelled.npz');
    await writeFile(data, encodeNpz([['x', values]]));
    const out = join(folder, 'int8-unlabelled');
    const file = await recipe('int8', 1);
    const run = await verge('compress', '--model', model, '--recipe', file, '--data', data, '--out', out);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toMatch(/^OUTPUT +READ AS +SAME CLASS +KL +SQNR +LARGEST DIFFERENCE$/m);
    expect(run.stdout).toMatch(/^offered +yes$/m);
    expect(run.stdout).not.toMatch(/accuracy/);
    const evaluated = await verge('evaluate', '--model', model, '--data', data);
    expect(evaluated.code, evaluated.stderr).toBe(0);
    expect(evaluated.stdout).toMatch(/no figure of quality: the samples say nothing of what is right/);
  });
});
