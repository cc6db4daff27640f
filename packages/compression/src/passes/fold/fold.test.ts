import { describe, expect, it } from 'vitest';
import { assertLegal, float32, GraphBuilder, ints, type Model, tensorAttr } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { largestDifference, outputWith, randomTensor, shaken } from '../../test-models.js';
import { fold } from './fold.js';

const outputOf = outputWith(createSession);

describe('fold', () => {
  it.each(['resnet', 'dscnn', 'lenet', 'mlp'])('leaves no normalisation in %s, the numbers agree', async (name) => {
    const params: Record<string, number> = name === 'lenet' ? { kernel: 3, dropout: 0.2 } : { dropout: 0.2 };
    const model = shaken(buildArchitecture(name, { input: [1, 12, 12], classes: 10, params }));
    const { model: folded } = await fold(model, createSession);
    assertLegal(folded);
    expect(folded.graph.nodes.map((n) => n.op).filter((op) => op === 'BatchNormalization' || op === 'Dropout')).toEqual(
      [],
    );
    const x = randomTensor([3, 1, 12, 12]);
    const [before, after] = [await outputOf(model, x), await outputOf(folded, x)];
    // Relative to the largest score: up to nine layers of sums rounded elsewhere.
    expect(largestDifference(before, after)).toBeLessThan(1e-4 * Math.max(1, ...before.map(Math.abs)));
  });

  it('computes constants first, so that a bias which is calculated folds as well', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [1, 1, 4, 4]);
    const conv = b.node('Conv', ['x', b.initializer('w', randomTensor([2, 1, 3, 3]))]);
    const half = b.node('Mul', [
      b.node('Constant', [], { value: tensorAttr(float32([2, 1, 1], [1, 2])) }),
      b.initializer('h', float32([], [0.5])),
    ]);
    b.output(b.node('Add', [conv, half]), 'float32', [1, 2, 2, 2]);
    const model = b.build();
    const { model: folded, changes } = await fold(model, createSession);
    expect(folded.graph.nodes.map((n) => n.op)).toEqual(['Conv']);
    expect(changes).toEqual({ 'constant-nodes': 2, 'constant-into-conv': 1 });
    const x = randomTensor([1, 1, 4, 4]);
    expect(largestDifference(await outputOf(model, x), await outputOf(folded, x))).toBeLessThan(1e-5);
  });

  /** Two convolutions with one weight, each with a normalisation and a sum behind. */
  function twins(seeds: [number, number]): Model {
    const b = new GraphBuilder();
    const weight = b.initializer('w', randomTensor([8, 8, 3, 3]));
    const branch = (x: string, seed: number): string => {
      const numbers = [1, 2, 3, 4].map((k) => b.constant(positive(8, seed + k), `n${k}`));
      const conv = b.node('Conv', [x, weight], { pads: ints([1, 1, 1, 1]) });
      return b.node('BatchNormalization', [conv, ...numbers]);
    };
    const inputs = [b.input('x', 'float32', [1, 8, 4, 4]), b.node('Neg', ['x'])] as const;
    b.output(b.node('Add', [branch(inputs[0], seeds[0]), branch(inputs[1], seeds[1])]), 'float32', [1, 8, 4, 4]);
    return b.build();
  }
  const positive = (size: number, seed: number) =>
    float32(
      [size],
      randomTensor([size], seed).data.map((v) => 1.5 + v),
    );
  const weights = ({ graph }: Model): number =>
    [...graph.initializers.values()].filter(({ value }) => value.dims.length === 4).length;

  it.each([
    ['folds both where the same is behind each', [5, 5], 1, 0],
    ['folds neither where something else is, and says why', [5, 9], 1, 2],
  ] as const)('never doubles a weight that layers share: %s', async (_what, seeds, kept, norms) => {
    const model = twins([...seeds]);
    const { model: folded, declined } = await fold(model, createSession);
    expect(weights(folded)).toBe(kept);
    expect(folded.graph.nodes.filter((n) => n.op === 'BatchNormalization')).toHaveLength(norms);
    expect(declined.map((d) => d.reason).filter((r) => r.includes('would be there twice'))).toHaveLength(norms);
    const x = randomTensor([1, 8, 4, 4], 3);
    expect(largestDifference(await outputOf(model, x), await outputOf(folded, x))).toBeLessThan(1e-4);
  });
});
