/** `verge train` on files as other tools write them: what was repaired and decided is said, and `--strict` refuses. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel, float32, GraphBuilder, int, int64, type Model, tensorInfo } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digits, temporaryFolder, verge, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

let folder: string;

/** A classifier of the digits as scikit-learn exports one: labels first, then a map of scores; with a batch of -1 and two imports. */
function classifier(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [-1, 1, 8, 8]);
  const flat = b.node('Reshape', [x, b.constant(int64([2], [-1, 64]))]);
  const weights = Float32Array.from({ length: 640 }, (_, i) => Math.sin(i) / 8);
  const scores = b.node('Softmax', [b.node('MatMul', [flat, b.initializer('w', float32([64, 10], weights))])]);
  const label = b.node('ArgMax', [scores], { axis: int(1), keepdims: int(0) }, 1, { outputNames: ['label'] });
  const classes = { kind: 'ints', value: Array.from({ length: 10 }, (_, i) => BigInt(i)) } as const;
  b.node('ZipMap', [scores], { classlabels_int64s: classes }, 1, {
    domain: 'ai.onnx.ml',
    outputNames: ['probability'],
  });
  b.graph.outputs.push(tensorInfo(label, 'int64', [null]), {
    name: 'probability',
    type: {
      kind: 'sequence',
      element: { kind: 'map', key: 'int64', value: { kind: 'tensor', dtype: 'float32', shape: null } },
    },
  });
  return { ...b.build({ opset: 13, opsets: { 'ai.onnx.ml': 1 } }), repeatedOpsets: [''] };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'classifier.onnx'), encodeModel(classifier()));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const train = async (name: string, ...more: string[]) => {
  const config = {
    ...{ data: { path: digits }, model: { onnx: 'classifier.onnx' }, epochs: 8 },
    optimizer: { name: 'adam', learningRate: 0.01 },
  };
  const file = await writeConfig(folder, config, `${name}.yaml`);
  return verge('train', '--config', file, '--out', join(folder, name), '--json', ...more);
};

describe('verge train on a classifier of another tool', () => {
  it('repairs the file, trains its scores, and says both', async () => {
    const ended = await train('trained');
    expect(ended.code, ended.stderr).toBe(0);
    const report = ended.json<TrainReport>();
    expect(report.test.accuracy).toBeGreaterThan(0.85);
    expect(report.repairs!.map((r) => r.code).sort()).toEqual(['negative-dimension', 'opset-repeated']);
    expect(report.assumed).toEqual(["of 2 outputs 'probability' is trained (float32 [?, 10])"]);
    expect(ended.stderr).toContain('repaired: ');
    expect(ended.stderr).toContain("assumed: of 2 outputs 'probability' is trained");
    const { graph } = decodeModel(await readFile(join(folder, 'trained', 'model.onnx')));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Reshape', 'MatMul', 'Softmax', 'ArgMax', 'ZipMap']);
  });

  it('refuses it with --strict, naming what it would repair', async () => {
    const ended = await train('strict', '--strict');
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toMatch(/-1.*it is open/s);
    expect(ended.stderr).toMatch(/imported/);
  });
});
