import { describe, expect, it } from 'vitest';
import { float, float32, GraphBuilder, int, ints, rewrite, type Model } from '../../index.js';
import { largestDifference, outputOf, randomTensor } from '../numbers.js';
import { batchNormIntoConv } from './batch-norm-into-conv.js';

interface Shape {
  op: 'Conv' | 'ConvTranspose';
  weight: number[];
  channels: number;
  group?: number;
  bias?: boolean;
  input: number;
  /** Adds a second reader of the convolution. */
  shared?: boolean;
  training?: boolean;
}

function build(s: Shape): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', [2, s.input, 5, 5]);
  const inputs = ['x', b.initializer('w', randomTensor(s.weight, 2))];
  if (s.bias) inputs.push(b.initializer('bias', randomTensor([s.channels], 3)));
  const conv = b.node('Conv' === s.op ? 'Conv' : 'ConvTranspose', inputs, {
    group: int(s.group ?? 1),
    kernel_shape: ints([3, 3]),
  });
  const parameter = (name: string, seed: number, shift: number): string =>
    b.initializer(
      name,
      float32(
        [s.channels],
        randomTensor([s.channels], seed).data.map((v) => v * 0.5 + shift),
      ),
    );
  const norm = [
    conv,
    parameter('scale', 4, 1),
    parameter('shift', 5, 0),
    parameter('mean', 6, 0),
    parameter('variance', 8, 1),
  ];
  const attributes = { epsilon: float(1e-3), ...(s.training && { training_mode: int(1) }) };
  let y = s.training
    ? b.node('BatchNormalization', norm, attributes, 3)[0]!
    : b.node('BatchNormalization', norm, attributes);
  if (s.shared) y = b.node('Add', [y, conv]);
  b.output(y, 'float32', null);
  return b.build();
}

describe('batch-norm-into-conv', () => {
  it.each<[string, Shape]>([
    ['Conv', { op: 'Conv', weight: [4, 3, 3, 3], channels: 4, input: 3 }],
    ['Conv with bias', { op: 'Conv', weight: [4, 3, 3, 3], channels: 4, input: 3, bias: true }],
    ['depthwise Conv', { op: 'Conv', weight: [4, 1, 3, 3], channels: 4, input: 4, group: 4 }],
    ['ConvTranspose', { op: 'ConvTranspose', weight: [3, 4, 3, 3], channels: 4, input: 3, bias: true }],
    ['grouped ConvTranspose', { op: 'ConvTranspose', weight: [4, 3, 3, 3], channels: 6, input: 4, group: 2 }],
  ])('folds into a %s, the numbers agree', async (_, shape) => {
    const model = build(shape);
    const { model: folded, fired } = rewrite(model, [batchNormIntoConv]);
    expect(fired.map((f) => f.rule)).toEqual(['batch-norm-into-conv']);
    expect(folded.graph.nodes.map((n) => n.op)).toEqual([shape.op]);
    const x = randomTensor([2, shape.input, 5, 5]);
    // Sums of up to 36 products of order 1 in another order of rounding.
    expect(largestDifference(await outputOf(model, x), await outputOf(folded, x))).toBeLessThan(1e-5);
  });

  it.each<[string, Partial<Shape>]>([
    ['read elsewhere', { shared: true }],
    ['training mode', { training: true }],
  ])('declines with a reason: %s', (reason, change) => {
    const { fired, declined } = rewrite(build({ op: 'Conv', weight: [4, 3, 3, 3], channels: 4, input: 3, ...change }), [
      batchNormIntoConv,
    ]);
    expect(fired).toEqual([]);
    expect(declined[0]!.reason).toContain(reason);
  });
});
