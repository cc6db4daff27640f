import { describe, expect, it } from 'vitest';
import { float, int } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Dim, Model } from '../../ir.js';
import { type DataType } from '../../tensor.js';
import { expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { skipLayerNorm } from './skip-layer-norm.js';

const WIDTH = 6;
const NEAR = { absolute: 1e-6, relative: 2e-6 };
const row = (b: GraphBuilder, seed: number): string => b.constant(randomTensor([WIDTH], seed));
const norm = (b: GraphBuilder, x: string, attributes = {}): string =>
  b.node('LayerNormalization', [x, row(b, 1), row(b, 2)], { epsilon: float(1e-3), ...attributes });
const model = (
  body: (b: GraphBuilder, x: string) => string,
  shape: readonly Dim[] = ['batch', 4, WIDTH],
  dtype: DataType = 'float32',
): Model => network(shape, body, { opset: 17, dtype, opsets: { 'com.microsoft': 1 } });

async function becomes(before: Model, names: readonly string[]): Promise<void> {
  const { model: after } = rewritten(before, [skipLayerNorm]);
  expect(ops(after)).toEqual(names);
  await expectSameNumbers(before, after, NEAR, { dims: { batch: 3 } });
}

describe('skip-layer-norm', () => {
  it('are one node, of matrices and of batches', async () => {
    for (const shape of [
      ['batch', WIDTH],
      ['batch', 4, WIDTH],
    ] as const)
      await becomes(
        model((b, x) => norm(b, b.node('Add', [x, b.node('Neg', [b.node('Relu', [x])])])), shape),
        ['Relu', 'Neg', 'SkipLayerNormalization'],
      );
  });

  it('without a shift, and with an operand that is the same for the batch, on either side', async () => {
    const places = (b: GraphBuilder): string => b.constant(randomTensor([1, 4, WIDTH], 5));
    await becomes(
      model((b, x) => b.node('LayerNormalization', [b.node('Add', [x, places(b)]), row(b, 1)])),
      ['SkipLayerNormalization'],
    );
    await becomes(
      model((b, x) => norm(b, b.node('Add', [places(b), x]))),
      ['SkipLayerNormalization'],
    );
  });

  it.each<[string, Model]>([
    [
      'a sum that is read elsewhere',
      model((b, x) => {
        const sum = b.node('Add', [x, b.node('Relu', [x])]);
        return b.node('Mul', [norm(b, sum), sum]);
      }),
    ],
    [
      'a sum that the graph gives',
      model((b, x) => {
        const sum = b.node('Add', [x, x]);
        b.output(sum, null, null);
        return norm(b, sum);
      }),
    ],
    [
      'another axis',
      model((b, x) =>
        b.node('LayerNormalization', [b.node('Add', [x, x]), b.constant(randomTensor([4, WIDTH]))], { axis: int(1) }),
      ),
    ],
    ['four axes', model((b, x) => norm(b, b.node('Add', [x, x])), ['batch', 2, 4, WIDTH])],
    ['an operand that is stretched along the rows', model((b, x) => norm(b, b.node('Add', [x, row(b, 5)])))],
    [
      'operands that stretch each other',
      model((b, x) => norm(b, b.node('Add', [x, b.constant(randomTensor([3, 1, WIDTH]))])), [1, 4, WIDTH]),
    ],
    [
      'statistics that are read',
      model((b, x) => {
        const [y, mean] = b.node('LayerNormalization', [b.node('Add', [x, x]), row(b, 1)], {}, 2) as [string, string];
        return b.node('Add', [y, mean]);
      }),
    ],
    [
      'doubles',
      model(
        (b, x) => {
          const scale = b.constant({ dtype: 'float64', dims: [WIDTH], data: new Float64Array(WIDTH).fill(1) });
          return b.node('LayerNormalization', [b.node('Add', [x, x]), scale]);
        },
        ['batch', 4, WIDTH],
        'float64',
      ),
    ],
  ])('leaves %s', (_, before) => {
    expect(rewritten(before, [skipLayerNorm]).fired).toEqual([]);
  });
});
