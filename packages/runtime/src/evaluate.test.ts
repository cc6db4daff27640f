import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { encodeModel, GraphBuilder } from '@verge/onnx';
import { evaluate, scoreModel } from './evaluate.js';
import { addOne, passThrough } from './test-models.js';

// Predictions are the largest input: classes 0, 1, 2, 2, 0; the last two labels disagree.
const samples: Samples = {
  x: Float32Array.of(9, 1, 2, 1, 9, 2, 1, 2, 9, 3, 2, 9, 9, 2, 1),
  shape: [3],
  y: Int32Array.of(0, 1, 2, 0, 1),
  labels: ['a', 'b', 'c'],
  name: 'five',
};

describe('evaluate', () => {
  it.each([
    ['open', 'N', 2],
    ['fixed', 1, undefined],
    ['fixed and not a divisor', 2, undefined],
  ])('counts hits and confusions with a batch that is %s', async (_, batch, batchSize) => {
    const score = await scoreModel(passThrough(batch), samples, { ...(batchSize && { batchSize }) });
    expect(score).toEqual({
      samples: 5,
      accuracy: 3 / 5,
      top5: 1,
      confusion: [
        [1, 0, 1],
        [1, 1, 0],
        [0, 0, 1],
      ],
      notes: [],
    });
  });

  it('measures latency and memory too', async () => {
    const result = await evaluate(passThrough('N'), samples, { runs: 5, warmup: 1 });
    expect(result.accuracy).toBe(3 / 5);
    expect(result.bytes).toBe(passThrough('N').byteLength);
    expect(result.peakRssBytes).toBeGreaterThan(20e6);
  });

  it('measures a model of several inputs and a fixed batch with that many rows of each', async () => {
    const b = new GraphBuilder();
    b.node('Add', [b.input('x', 'float32', [2, 3]), b.input('more', 'float32', [2, 3])], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [2, 3]);
    const more = { values: new Float32Array(15), shape: [3] };
    const result = await evaluate(encodeModel(b.build()), { ...samples, inputs: { more } }, { runs: 2, warmup: 0 });
    expect(result.accuracy).toBe(3 / 5);
    expect(result.benchmark.inputs.map(({ shape }) => shape)).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it('names every misfit of samples and model', async () => {
    const wrong: Samples = { ...samples, shape: [5], x: new Float32Array(5), y: Int32Array.of(0) };
    await expect(scoreModel(addOne(), wrong)).rejects.toMatchObject({ code: 'bad-samples' });
  });
});
