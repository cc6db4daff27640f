/** A model of several inputs and outputs through `verge train` and `verge evaluate`, its arrays in NPY files. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, verge, writeConfig } from '../test-command.js';
import { masked, writeMasked } from '../test-masked.js';
import type { TrainReport } from './train.js';

let folder: string;
let data: string;
let onnx: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder, 'data');
  await writeMasked(data);
  onnx = join(folder, 'masked.onnx');
  await writeFile(onnx, encodeModel(masked()));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const outputs = (): string[] => masked().graph.outputs.map((o) => o.name);

async function train(
  name: string,
  model: object,
): Promise<{ code: number | null; stderr: string; report: TrainReport }> {
  const config = { model: { onnx, ...model }, data: { path: data }, epochs: 12, batchSize: 20 };
  const file = await writeConfig(
    folder,
    { ...config, optimizer: { name: 'adam', learningRate: 0.05 } },
    `${name}.yaml`,
  );
  const run = await verge('train', '--config', file, '--out', join(folder, name), '--json');
  return { ...run, report: run.code === 0 ? run.json<TrainReport>() : (undefined as never) };
}

describe('a model of several inputs and outputs', () => {
  it('is trained and evaluated on arrays by name, numbers and the output that is asked for', async () => {
    const [, output] = outputs();
    const { code, stderr, report } = await train('whole', {
      output,
      inputs: { mask: 'mask', scale: 2 },
      dims: { one: 1 },
    });
    expect(code, stderr).toBe(0);
    expect(report.test.accuracy).toBeGreaterThan(0.95);
    expect(report.measurement.p50Ms).toBeGreaterThan(0);
    const model = join(folder, 'whole', 'model.onnx');
    expect(decodeModel(await readFile(model)).graph.inputs).toEqual(masked().graph.inputs);
    const evaluate = (...more: string[]) =>
      verge('evaluate', '--model', model, '--data', data, '--output', output!, '--runs', '5', '--json', ...more);
    const again = await evaluate('--input', 'mask=mask', '--fill', 'scale=2', '--dim', 'one=1');
    expect(again.code, again.stderr).toBe(0);
    expect(again.json()).toMatchObject({ samples: 100, accuracy: report.test.accuracy });
    const without = await evaluate('--fill', 'scale=2', '--dim', 'one=1');
    expect(without.code).not.toBe(0);
    expect(without.stderr).toContain("'mask'");
    const wrong = await evaluate('--input', 'mask', '--fill', 'scale=2');
    expect(wrong.stderr).toContain('--input expects name=array');
  });

  it('says which input lacks what', async () => {
    const [, output] = outputs();
    const nothing = await train('nothing', { output });
    expect(nothing.code).not.toBe(0);
    expect(nothing.stderr).toMatch(/'mask' \(bool \[n, 4\]\).*'scale' \(int64 \[one\]\)/s);
    const array = await train('array', { output, inputs: { mask: 'weights', scale: 2 } });
    expect(array.stderr).toContain("there is no array weights_train for the input 'mask'");
    const open = await train('open', { output, inputs: { mask: 'mask', scale: 2 } });
    expect(open.stderr).toContain('is open; name it in dims');
  });
});
