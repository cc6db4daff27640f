/** Tables of numbers through `verge train` and `verge evaluate`: a number is learnt as a number. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, verge, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  // price = 3 a - 2 b + 5, with a column that says nothing and a gap in it.
  const row = (i: number): string => {
    const [a, b] = [Math.sin(i), Math.cos(3 * i)];
    return `${i},${a},${b},${i === 7 ? '' : i % 3},${3 * a - 2 * b + 5}`;
  };
  await writeFile(at('houses.csv'), ['id,a,b,c,price', ...Array.from({ length: 200 }, (_, i) => row(i))].join('\n'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const data = { path: 'houses.csv', drop: ['id'], missing: 0 };
const train = async (name: string, more: object) => {
  const model = { architecture: 'mlp', params: { hidden: [16] } };
  const optimizer = { name: 'adam', learningRate: 0.02 };
  const file = await writeConfig(folder, { model, data, batchSize: 8, epochs: 25, optimizer, ...more }, `${name}.yaml`);
  return verge('train', '--config', file, '--out', at(name), '--json');
};

describe('a table with a number to learn', () => {
  it.each([false, true])('is regressed, and judged as such (stream: %s)', async (stream) => {
    const name = `regressed-${stream}`;
    const ended = await train(name, { data: { ...data, stream } });
    expect(ended.code, ended.stderr).toBe(0);
    const report = ended.json<TrainReport>();
    expect(report.config.loss).toEqual({ kind: 'mse' });
    expect(report.metrics.test['r2']).toBeGreaterThan(0.9);
    expect(report.test.samples).toBe(0);
    expect(report.data).toEqual(
      expect.arrayContaining(
        [
          "data: 'price' is taken for a number; targetKind: class would make classes of it",
          'data: 1 missing values were filled',
          'each sample has a number to learn, so the loss is mse',
        ].slice(stream ? 2 : 0),
      ),
    );
    const read = ['--features', 'a,b,c', '--label-column', 'price', '--missing', '0', '--json'];
    const judged = await verge('evaluate', '--model', at(`${name}/model.onnx`), '--data', at('houses.csv'), ...read);
    expect(judged.code, judged.stderr).toBe(0);
    const { quality } = judged.json<{ quality: { metric: string; value: number }[] }>();
    expect(quality.find(({ metric }) => metric === 'r2')!.value).toBeGreaterThan(0.9);
  });

  it('is refused with a loss of classes, and with a gap that nothing stands for', async () => {
    const classes = await train('classes', { loss: { kind: 'cross-entropy' } });
    expect([classes.code, classes.stderr]).toEqual([2, expect.stringContaining('the data set holds numbers')]);
    const gap = await train('gap', { data: { ...data, missing: undefined } });
    expect([gap.code, gap.stderr]).toEqual([2, expect.stringContaining("row at line 9: 'c' is missing")]);
  });
});
