import { describe, expect, it } from 'vitest';
import { float, float32, GraphBuilder, int, int64, type Dim, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import { validate } from '../loop/validation.js';

/** [n, steps, 3] -> mean over the steps -> [n, 2] */
function series(shape: readonly Dim[] | null): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', shape);
  const h = b.node('Tanh', [b.node('MatMul', [x, b.initializer('w', float32([3, 2], [1, -1, 0.5, 0.2, -0.3, 0.8]))])]);
  const mean = b.node('ReduceMean', [h, b.constant(int64([1], [1]))], { keepdims: int(0) });
  b.output(b.node('Add', [mean, b.initializer('b', float32([2], [0, 0]))]), 'float32', ['n', 2]);
  return b.build();
}

describe('open sizes of the input', () => {
  const samples = {
    ...{ x: Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)), shape: [5, 3], y: Int32Array.from([0, 1, 1, 0]) },
    targets: Float32Array.from({ length: 8 }, (_, i) => i / 8),
  };
  const train = (model: Model) =>
    fit({
      ...{ model, createSession, train: samples, validation: samples, epochs: 3, batchSize: 4 },
      ...{ loss: { kind: 'huber', delta: 0.5 }, optimizer: { name: 'sgd', learningRate: 0.1 } },
    });

  it('are those of the samples in the step, and as they were in the result', async () => {
    const stated = await train(series(['n', 5, 3]));
    for (const shape of [['n', 'steps', 3], ['n', 'steps', null], [-1, -1, 3], null] as const) {
      const result = await train(series(shape));
      // A size of -1 breaks a rule; the file that is written has an open one.
      const open = shape?.map((d) => (d === -1 ? null : d)) ?? null;
      expect(result.model.graph.inputs).toEqual(series(open).graph.inputs);
      expect(result.repairs.map((r) => r.code)).toEqual(shape?.[0] === -1 ? ['negative-dimension'] : []);
      expect(result.history.map((p) => p.valLoss)).toEqual(stated.history.map((p) => p.valLoss));
      const loss = { kind: 'huber', delta: 0.5 } as const;
      const again = await validate(result.model, samples, { createSession, loss });
      expect(again.loss).toBe(result.validation.loss);
    }
  });

  it.each([9, 17])('reach pads that the graph works out as floats, operator set %i', async (opset) => {
    // What a convolution that is padded to the size of its input adds: max((ceil(n / 2) - 1) * 2 + 3 - n, 0), half of it before.
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 1, 'width']);
    const number = (value: number): string => b.constant(float32([], [value]));
    const size = b.node('Cast', [b.node('Gather', [b.node('Shape', [x]), b.constant(int64([], [2]))])], { to: int(1) });
    const steps = b.node('Sub', [b.node('Ceil', [b.node('Div', [size, number(2)])]), number(1)]);
    const reach = b.node('Add', [b.node('Mul', [steps, number(2)]), number(3)]);
    const over = b.node('Sub', [reach, size]);
    const missing = opset < 11 ? b.node('Clip', [over], { min: float(0) }) : b.node('Clip', [over, number(0), '']);
    const before = b.node('Cast', [b.node('Cast', [b.node('Div', [missing, number(2)])], { to: int(7) })], {
      to: int(1),
    });
    const wide = [before, b.node('Sub', [missing, before])].map((v) => b.node('Cast', [v], { to: int(7) }));
    const list = (v: string): string => b.node('Reshape', [v, b.constant(int64([1], [1]))]);
    // Both ways to read such a number: a slice that begins there, and pads.
    const padded =
      opset < 11
        ? b.node(
            'Concat',
            [
              x,
              b.node('Expand', [
                number(0),
                b.node('Concat', [b.constant(int64([1], [4])), b.constant(int64([1], [1])), list(wide[1]!)], {
                  axis: int(0),
                }),
              ]),
            ],
            { axis: int(2) },
          )
        : b.node('Pad', [
            x,
            b.node(
              'Concat',
              [b.constant(int64([2], [0, 0])), list(wide[0]!), b.constant(int64([2], [0, 0])), list(wide[1]!)],
              { axis: int(0) },
            ),
            number(0),
          ]);
    const h = b.node('Conv', [padded, b.initializer('w', float32([2, 1, 3], [1, -1, 0.5, 0.2, -0.3, 0.8]))]);
    b.output(b.node('Flatten', [b.node('GlobalAveragePool', [h])]), 'float32', ['n', 2]);
    const line = { ...samples, shape: [1, 15] };
    const result = await fit({
      ...{ model: b.build({ opset }), createSession, train: line, validation: line, epochs: 1, batchSize: 4 },
      ...{ loss: { kind: 'mse' }, optimizer: { name: 'sgd', learningRate: 0.1 } },
    });
    expect(result.parameters.map((p) => [p.name, p.fate])).toEqual([['w', 'moves']]);
  });

  it('do not overrule what the file states', async () => {
    for (const shape of [
      ['n', 4, 3],
      ['n', 'steps', 2],
      ['n', 'all'],
    ] as const)
      await expect(train(series(shape))).rejects.toThrow();
    await expect(train(series(['n', 4, 3]))).rejects.toThrow('the training samples are [5, 3], the model reads [4, 3]');
  });
});
