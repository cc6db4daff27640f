/** A model of several inputs and outputs through `verge train` and `verge evaluate`, its arrays in NPY files. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel, float32, GraphBuilder, int64, type Model } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, verge, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

let folder: string;
let data: string;
let onnx: string;

function npy(descr: string, dims: readonly number[], values: ArrayBufferView): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`.padEnd(117) + '\n';
  const head = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([1, 0, text.length, 0])]);
  return Buffer.concat([head, Buffer.from(text), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

/** Which of four numbers counts is said by the mask; the label is whether it is above 0. */
function samples(count: number, seed: number): { x: Float32Array; mask: Uint8Array; y: Uint8Array } {
  let state = seed;
  const next = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
  const x = Float32Array.from({ length: 4 * count }, () => (next() < 0.5 ? -1 : 1) * (0.5 + next()));
  const [mask, y] = [new Uint8Array(4 * count), new Uint8Array(count)];
  for (let i = 0; i < count; i++) {
    const at = 4 * i + Math.floor(next() * 4);
    mask[at] = 1;
    y[i] = x[at]! > 0 ? 1 : 0;
  }
  return { x, mask, y };
}

/** Outputs: the masked numbers, and two logits of them. */
function masked(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 4]);
  const mask = b.node('Cast', [b.input('mask', 'bool', ['n', 4])], { to: { kind: 'int', value: 1n } });
  const scale = b.node('Cast', [b.input('scale', 'int64', ['one'])], { to: { kind: 'int', value: 1n } });
  const kept = b.node('Mul', [b.node('Mul', [x, mask]), b.node('Reshape', [scale, b.constant(int64([1], [1]))])]);
  b.output(kept, 'float32', ['n', 4]);
  const w = b.initializer('w', float32([4, 2], [0.1, -0.1, 0, 0.1, -0.1, 0, 0.1, 0.1]));
  b.output(b.node('Gemm', [kept, w, b.initializer('b', float32([2], [0, 0]))]), 'float32', ['n', 2]);
  return b.build();
}

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder, 'data');
  await mkdir(data);
  for (const [part, count, seed] of [
    ['train', 400, 3],
    ['test', 100, 5],
  ] as const) {
    const { x, mask, y } = samples(count, seed);
    await writeFile(join(data, `x_${part}.npy`), npy('<f4', [count, 4], x));
    await writeFile(join(data, `mask_${part}.npy`), npy('|u1', [count, 4], mask));
    await writeFile(join(data, `y_${part}.npy`), npy('|u1', [count], y));
  }
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
