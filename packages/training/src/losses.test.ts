import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { LABELS, TARGET, TEACHER_LOGITS, type LossSpec } from './losses.js';
import { Random } from './random.js';
import { buildGradientModel } from './training-model.js';

const [batch, classes] = [4, 3];
const random = new Random(3, 'losses');
const draw = (scale: number): number[] => Array.from({ length: batch * classes }, () => random.uniform(-scale, scale));
const [logits, teacher] = [draw(3), draw(3)];
const labels = [2, 0, 1, 1];

function passThrough(softmax: boolean): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['N', classes]);
  const z = b.node('Identity', [x]);
  b.output(softmax ? b.node('Softmax', [z]) : z, 'float32', ['N', classes]);
  return b.build();
}

function logSoftmax(row: readonly number[]): number[] {
  const peak = Math.max(...row);
  const total = Math.log(row.reduce((s, v) => s + Math.exp(v - peak), 0)) + peak;
  return row.map((v) => v - total);
}

const row = (m: readonly number[], i: number): number[] => m.slice(i * classes, (i + 1) * classes);

function crossEntropy(z: readonly number[], smoothing: number): number {
  const terms = labels.map((label, i) => {
    const log = logSoftmax(row(z, i));
    return -log.reduce((s, v, c) => s + v * ((c === label ? 1 - smoothing : 0) + smoothing / classes), 0);
  });
  return terms.reduce((a, b) => a + b, 0) / batch;
}

function divergence(z: readonly number[], temperature: number): number {
  const soft = (m: readonly number[], i: number): number[] => logSoftmax(row(m, i).map((v) => v / temperature));
  const terms = labels.map((_, i) => {
    const [s, t] = [soft(z, i), soft(teacher, i)];
    return t.reduce((sum, v, c) => sum + Math.exp(v) * (v - s[c]!), 0);
  });
  return (temperature ** 2 * terms.reduce((a, b) => a + b, 0)) / batch;
}

const meanSquares = (z: readonly number[]): number => z.reduce((s, v, i) => s + (v - teacher[i]!) ** 2, 0) / z.length;

const cases: readonly [string, LossSpec, (z: readonly number[]) => number][] = [
  ['cross-entropy', { kind: 'cross-entropy' }, (z) => crossEntropy(z, 0)],
  ['label smoothing', { kind: 'cross-entropy', labelSmoothing: 0.2 }, (z) => crossEntropy(z, 0.2)],
  [
    'distillation',
    { kind: 'distillation', temperature: 3, alpha: 0.3 },
    (z) => 0.3 * crossEntropy(z, 0) + 0.7 * divergence(z, 3),
  ],
  ['mean squares', { kind: 'mse' }, meanSquares],
];

describe('losses against double precision', () => {
  for (const [name, loss, reference] of cases) {
    it(`${name}: value and gradient`, async () => {
      const built = buildGradientModel(passThrough(false), { loss, batch, wrt: ['x'] });
      const session = await createSession(encodeModel(built.model));
      const all: Record<string, Tensor> = {
        x: float32([batch, classes], logits),
        [LABELS]: { dtype: 'int32', dims: [batch], data: Int32Array.from(labels) },
        [TEACHER_LOGITS]: float32([batch, classes], teacher),
        [TARGET]: float32([batch, classes], teacher),
      };
      const out = await session.run(Object.fromEntries(session.inputNames.map((n) => [n, all[n]!])));
      expect((out['step.loss']!.data as Float32Array)[0]).toBeCloseTo(reference(logits), 5);
      const gradient = out['gradient.x']!.data as Float32Array;
      logits.forEach((_, i) => {
        const at = (h: number): number => reference(logits.map((v, j) => (i === j ? v + h : v)));
        expect(Math.abs(gradient[i]! - (at(1e-5) - at(-1e-5)) / 2e-5)).toBeLessThan(1e-6);
      });
      await session.release();
    });
  }

  it('a Softmax at the end of the model is left to the loss', async () => {
    const options = { loss: { kind: 'cross-entropy' as const }, batch, wrt: ['x'] };
    const plain = buildGradientModel(passThrough(false), options).model.graph.nodes.map((n) => n.op);
    expect(buildGradientModel(passThrough(true), options).model.graph.nodes.map((n) => n.op)).toEqual(plain);
  });

  it('refuses an output that is not [batch, classes]', () => {
    const b = new GraphBuilder();
    b.output(b.node('Relu', [b.input('x', 'float32', ['N', 2, 2])]), 'float32', null);
    expect(() => buildGradientModel(b.build(), { loss: { kind: 'focal' }, batch, wrt: ['x'] })).toThrow(
      expect.objectContaining({ code: 'bad-model' }),
    );
  });
});
