import { describe, expect, it } from 'vitest';
import { drawMix } from '@verge/data/augment';
import { encodeModel, float32, GraphBuilder, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { TARGET } from '../losses.js';
import { Random } from '../random.js';
import { buildGradientModel } from '../training-model.js';
import { feedsOf, portsOf, softLabels } from './feeds.js';

const [rows, classes] = [6, 4];
const random = new Random(3, 'mixup');
const logits = Float32Array.from({ length: rows * classes }, () => random.uniform(-3, 3));
const labels = Int32Array.of(0, 1, 2, 3, 1, 0);
const mix = drawMix(rows, 0.5, 17);

function passThrough(): Model {
  const b = new GraphBuilder();
  b.output(b.node('Identity', [b.input('x', 'float32', ['N', classes])]), 'float32', ['N', classes]);
  return b.build();
}

/** log softmax of a row in double precision. */
function logSoftmax(row: readonly number[]): number[] {
  const peak = Math.max(...row);
  const total = Math.log(row.reduce((s, v) => s + Math.exp(v - peak), 0)) + peak;
  return row.map((v) => v - total);
}

const hot = (label: number): number[] => Array.from({ length: classes }, (_, c) => Number(c === label));
const rowOf = (i: number): number[] => [...logits.subarray(i * classes, (i + 1) * classes)];

describe('mixed labels', () => {
  it('are the shares of both', () => {
    const soft = softLabels(labels, [rows, classes], mix);
    for (let i = 0; i < rows; i++) {
      const [own, other] = [hot(labels[i]!), hot(labels[mix.partner[i]!]!)];
      const share = mix.weight[i]!;
      own.forEach((v, c) => expect(soft[i * classes + c]).toBeCloseTo(share * v + (1 - share) * other[c]!, 6));
    }
  });

  it.each([0, 0.1])('weigh both cross-entropies, smoothed by %f', async (smoothing) => {
    const loss = { kind: 'cross-entropy', soft: true, labelSmoothing: smoothing } as const;
    const graph = buildGradientModel(passThrough(), { loss, batch: rows, wrt: ['x'] });
    const ports = portsOf(graph.model);
    expect([...ports.keys()].sort()).toEqual([TARGET, 'x'].sort());
    const session = await createSession(encodeModel(graph.model));
    const out = await session.run(feedsOf({ x: logits, labels, mix }, 'x', ports));
    await session.release();
    const target = (i: number): number[] =>
      hot(labels[i]!).map((v, c) => {
        const both = mix.weight[i]! * v + (1 - mix.weight[i]!) * hot(labels[mix.partner[i]!]!)[c]!;
        return (1 - smoothing) * both + smoothing / classes;
      });
    const cross = (i: number): number => -logSoftmax(rowOf(i)).reduce((s, log, c) => s + log * target(i)[c]!, 0);
    const mean = Array.from({ length: rows }, (_, i) => cross(i)).reduce((a, b) => a + b) / rows;
    const value = out['step.loss'];
    // The graph computes in float32.
    expect(value?.dtype === 'float32' && value.data[0]).toBeCloseTo(mean, 5);
    const gradient = out[graph.gradients.get('x')!];
    if (gradient?.dtype !== 'float32') throw new Error('no gradient came back');
    for (let i = 0; i < rows; i++) {
      logSoftmax(rowOf(i)).forEach((log, c) => {
        expect(gradient.data[i * classes + c]).toBeCloseTo((Math.exp(log) - target(i)[c]!) / rows, 6);
      });
    }
  });

  it('need no labels where samples are their own targets', () => {
    const x = Float32Array.from({ length: 8 }, (_, i) => i);
    const ports = new Map([
      ['x', { dtype: 'float32' as const, shape: [2, 4] }],
      [TARGET, { dtype: 'float32' as const, shape: [2, 4] }],
    ]);
    expect(feedsOf({ x }, 'x', ports)[TARGET]).toEqual(float32([2, 4], x));
    const short = new Map([[TARGET, { dtype: 'float32' as const, shape: [2, 3] }]]);
    expect(() => feedsOf({ x }, 'x', short)).toThrow(expect.objectContaining({ code: 'bad-samples' }));
  });
});
