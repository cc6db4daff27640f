/** What torch.onnx writes of fresh networks, against PyTorch's own step of SGD in double precision (goldens/exports.py). */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeModel, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import { inputTypeOf } from '../loop/prepare.js';
import { predict } from '../predict.js';

const goldens = new URL('../../goldens/', import.meta.url);

interface Case {
  readonly shape: readonly number[];
  readonly x: readonly number[];
  readonly targets: readonly number[];
  readonly parameters: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}
const golden = JSON.parse(readFileSync(new URL('exports.golden.json', goldens), 'utf8')) as {
  readonly rows: number;
  readonly learningRate: number;
  readonly cases: Readonly<Record<string, Case>>;
};

const largest = (values: readonly number[]): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** The largest difference, relative to how far the step moved the outputs. */
function apart(outputs: Float32Array, c: Case): number {
  const moved = largest(c.after.map((v, i) => v - c.before[i]!));
  return largest(c.after.map((v, i) => v - outputs[i]!)) / moved;
}

describe('networks as torch.onnx writes them', () => {
  for (const file of readdirSync(new URL('exports/', goldens)).filter((name) => name.endsWith('.onnx'))) {
    const c = golden.cases[file.split('.')[0]!]!;
    it(`${file} takes PyTorch's step`, async () => {
      const model: Model = decodeModel(readFileSync(new URL(`exports/${file}`, goldens)));
      const x = inputTypeOf(model) === 'float32' ? Float32Array.from(c.x) : Int32Array.from(c.x);
      const samples = { x, shape: c.shape, y: new Int32Array(golden.rows), targets: Float32Array.from(c.targets) };
      const result = await fit({
        ...{ model, createSession, train: samples, validation: samples, epochs: 1, batchSize: golden.rows },
        ...{ loss: { kind: 'mse' }, schedule: { name: 'constant' }, mode: 'eval' },
        optimizer: { name: 'sgd', learningRate: golden.learningRate },
      });
      const moving = result.parameters.filter((p) => p.fate === 'moves');
      expect(moving.reduce((n, p) => n + p.elements, 0)).toBe(c.parameters);
      const { logits } = await predict(result.model, samples, createSession);
      expect(apart(logits, c)).toBeLessThan(1e-4);
    });
  }
});
