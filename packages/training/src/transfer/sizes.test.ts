import { describe, expect, it } from 'vitest';
import { float32, GraphBuilder, int, int64, type Dim, type Model } from '@verge/onnx';
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
    for (const shape of [['n', 'steps', 3], ['n', 'steps', null], null] as const) {
      const result = await train(series(shape));
      expect(result.model.graph.inputs).toEqual(series(shape).graph.inputs);
      expect(result.history.map((p) => p.valLoss)).toEqual(stated.history.map((p) => p.valLoss));
      const loss = { kind: 'huber', delta: 0.5 } as const;
      const again = await validate(result.model, samples, { createSession, loss });
      expect(again.loss).toBe(result.validation.loss);
    }
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
