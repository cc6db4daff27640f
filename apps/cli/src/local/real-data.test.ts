/** Larger real files, found through VERGE_DATA. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder, verge, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

const data = process.env['VERGE_DATA'];
const skip = data ? false : 'VERGE_DATA is not set: MNIST and MobileNetV2 are not tried';
if (skip) console.log(skip);

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it.skipIf(skip)(
  'trains on MNIST as distributed and evaluates on its own test part',
  async () => {
    const mnist = join(data ?? '', 'mnist');
    const preprocess = join(folder, 'mnist.json');
    await writeFile(
      preprocess,
      JSON.stringify({
        input: { kind: 'array', shape: [28, 28], layout: 'HW' },
        steps: [{ op: 'scale', scale: 1 / 255 }],
        output: { layout: 'N', shape: [784] },
      }),
    );
    const model = { architecture: 'mlp', params: { hidden: [32] } };
    const config = await writeConfig(folder, {
      model,
      data: { path: mnist, preprocess: 'mnist.json' },
      epochs: 1,
      batchSize: 256,
    });
    const out = join(folder, 'mnist');
    const run = await verge('train', '--config', config, '--out', out, '--json');
    expect(run.code, run.stderr).toBe(0);
    expect(run.json<TrainReport>().test.samples).toBe(10_000);
    const argv = ['--model', join(out, 'model.onnx'), '--preprocess', preprocess, '--json'];
    const folderOfPairs = (await verge('evaluate', '--data', mnist, ...argv)).json();
    expect(folderOfPairs).toMatchObject({ samples: 10_000, accuracy: run.json<TrainReport>().test.accuracy });
    expect(folderOfPairs['accuracy']).toBeGreaterThan(0.8);
    const onePair = await verge(
      'evaluate',
      '--data',
      join(mnist, 't10k-images-idx3-ubyte.gz'),
      ...argv,
      '--format',
      'idx',
    );
    expect(onePair.json()).toMatchObject({ samples: 10_000, accuracy: folderOfPairs['accuracy'] });
  },
  120_000,
);

it.skipIf(skip)('inspects and measures MobileNetV2', async () => {
  const model = join(data ?? '', 'mobilenetv2', 'mobilenet_v2_keras_coral_fp32_restored.onnx');
  const summary = (await verge('inspect', '--model', model, '--json')).json<Record<string, number>>();
  // The paper (arXiv:1801.04381, table 4) has 300 M multiply-adds and 3.4 M parameters for 1,000 classes, without biases.
  expect(summary['macs']).toBeGreaterThan(0.29e9);
  expect(summary['macs']).toBeLessThan(0.31e9);
  expect(summary['parameters']).toBeGreaterThan(3.4e6);
  expect(summary['parameters']).toBeLessThan(3.6e6);
  const run = await verge('benchmark', '--model', model, '--threads', '1', '--runs', '5', '--warmup', '1', '--json');
  expect(run.json()).toMatchObject({ bytes: 13_969_268, threads: 1 });
});
