/** Low-rank adapters through `verge train`: what moves, what is written, and what is refused. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDigits, readTypedArrays, splitSamples } from '@verge/data';
import { decodeModel } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit } from '@verge/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digits, type Ended, temporaryFolder, verge, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

let folder: string;
let baseAccuracy: number;
const optimizer = { name: 'adamw', learningRate: 0.01 };
const data = { path: digits };

async function run(name: string, config: object, ...more: string[]): Promise<Ended> {
  const file = await writeConfig(folder, { data, optimizer, ...config }, `${name}.yaml`);
  return verge('train', '--config', file, '--out', join(folder, name), '--json', ...more);
}

async function constantsOf(name: string): Promise<Map<string, { dims: readonly number[]; values: string }>> {
  const { initializers } = decodeModel(await readFile(join(folder, name, 'model.onnx'))).graph;
  return new Map(
    [...initializers].map(([key, { value }]) => [
      key,
      { dims: value.dims, values: 'data' in value ? String(value.data) : '' },
    ]),
  );
}

/** Trained for so short a time that there is something left to learn. */
beforeAll(async () => {
  folder = await temporaryFolder();
  const { train, validation } = splitSamples(await loadDigits(digits), 'digits-v1');
  const model = buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }, 1);
  const learning = { name: 'adamw', learningRate: 0.003 } as const;
  const base = await fit({ model, createSession, train, validation, epochs: 1, optimizer: learning });
  baseAccuracy = base.validation.accuracy;
  await mkdir(join(folder, 'base'));
  await writeFile(join(folder, 'base', 'model.onnx'), base.bytes);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const adapted = (more: object = {}): object => ({
  model: { onnx: 'base/model.onnx' },
  epochs: 4,
  lora: { match: ['*.weight'], rank: 2, alpha: 4 },
  ...more,
});

describe('verge train with lora', () => {
  it('moves adapters alone, and writes a model of the same form', async () => {
    const ended = await run('adapted', adapted());
    expect(ended.code, ended.stderr).toBe(0);
    const report = ended.json<TrainReport>();
    expect(report.validation.accuracy).toBeGreaterThan(baseAccuracy + 0.05);
    const [before, after] = [await constantsOf('base'), await constantsOf('adapted')];
    expect([...after].map(([key, { dims }]) => [key, dims])).toEqual([...before].map(([key, { dims }]) => [key, dims]));
    const lines = new Map(report.parameters!.map((line) => [line.name, line]));
    let elements = 0;
    for (const [key, { values }] of before) {
      const { adapter, fate } = lines.get(key) ?? {};
      expect(after.get(key)!.values === values, key).toBe(adapter === undefined);
      if (adapter) expect([fate, adapter.rank]).toEqual(['frozen', 2]);
      elements += adapter?.elements ?? 0;
    }
    const written = JSON.parse(await readFile(join(folder, 'adapted', 'report.json'), 'utf8')) as TrainReport;
    expect(written.parameters).toEqual(report.parameters);
    const count = report.parameters!.filter((line) => line.adapter).length;
    expect(ended.stderr).toContain(`adapters of rank 2: on ${count} weights, ${elements} elements move`);
    // The factors beside the model are what was added: W + (alpha / rank) * B A.
    expect(written.adapters).toMatchObject({ file: 'adapters.npz', rank: 2, alpha: 4 });
    const arrays = await readTypedArrays(join(folder, 'adapted', 'adapters.npz'));
    expect(written.adapters!.weights).toContain('dense2.weight');
    expect([...arrays.keys()]).toEqual(written.adapters!.weights.flatMap((w) => [`${w}.lora_A`, `${w}.lora_B`]));
    const stored = [...arrays.values()].reduce((sum, { data: factor }) => sum + factor.length, 0);
    expect(stored).toBe(elements);
    const [a, b] = ['A', 'B'].map((factor) => arrays.get(`dense2.weight.lora_${factor}`)!);
    const [[, inside], [outside]] = [a!.dims, b!.dims] as [[number, number], [number, number]];
    const numbers = (from: typeof before): number[] => from.get('dense2.weight')!.values.split(',').map(Number);
    const [old, changed] = [numbers(before), numbers(after)];
    expect(before.get('dense2.weight')!.dims).toEqual([outside, inside]);
    let apart = 0;
    for (let o = 0; o < outside; o++)
      for (let i = 0; i < inside; i++) {
        let product = 0;
        for (let r = 0; r < 2; r++) product += (b!.data[o * 2 + r] as number) * (a!.data[r * inside + i] as number);
        const at = o * inside + i;
        apart = Math.max(apart, Math.abs(old[at]! + 2 * product - changed[at]!));
      }
    // One rounding to float32 of numbers below 1.
    expect(apart).toBeLessThan(2 ** -24);
  });

  it('trains a new head and what train names whole', async () => {
    const model = { onnx: 'base/model.onnx', newHead: true };
    const groups = [{ match: ['*.lora_B'], learningRateFactor: 4 }];
    const more = { model, lora: { match: ['*'], rank: 1, alpha: 1 }, train: ['conv*.bias'], epochs: 1 };
    const ended = await run('head', adapted({ ...more, optimizer: { ...optimizer, groups } }));
    expect(ended.code, ended.stderr).toBe(0);
    const { parameters } = ended.json<TrainReport>();
    const names = (is: (line: NonNullable<typeof parameters>[number]) => boolean): string[] =>
      parameters!.filter(is).map((line) => line.name);
    expect(names((line) => line.fate === 'moves').sort()).toEqual(
      ['conv1.bias', 'conv2.bias', 'output.bias', 'output.weight'].sort(),
    );
    expect(names((line) => line.adapter !== undefined)).not.toContain('output.weight');
    expect(names((line) => line.adapter !== undefined)).toContain('conv1.weight');
  });

  it('names every bad field, and every pattern that fits no such weight', async () => {
    const bad = await run('bad', adapted({ lora: { match: [], rank: 0, alpha: 0, dropout: 1, beta: 1 } }));
    expect(bad.code).not.toBe(0);
    for (const field of ['match', 'rank', 'alpha', 'dropout', 'beta']) expect(bad.stderr).toContain(field);
    const lost = await run('lost', adapted({ lora: { match: ['attention*'], rank: 1, alpha: 1 } }));
    expect(lost.code).not.toBe(0);
    expect(lost.stderr).toMatch(/no constant is called 'attention\*'.*such weights are conv1\.weight, /s);
    const frozen = await run('frozen', adapted({ freeze: ['conv1.*'] }));
    expect(frozen.stderr).toContain('freeze: with lora all but the adapters stays as it is');
  });
});
