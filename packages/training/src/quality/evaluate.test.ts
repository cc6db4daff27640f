import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { encodeModel, GraphBuilder, int, type Model } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { measureModels } from './measure-models.js';
import type { Assessment, QualityOptions } from './measure-quality.js';
import { assessAll } from './test-assess.js';

/** Scores of three classes are the three inputs themselves. */
function passThrough(batch: number | string): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', [batch, 3]);
  b.node('Softmax', ['x'], { axis: int(-1) }, 1, { outputNames: ['scores'] });
  b.output('scores', 'float32', [batch, 3]);
  return b.build();
}

// Predictions are the largest input: classes 0, 1, 2, 2, 0; the last two labels disagree.
const samples: Samples = {
  x: Float32Array.of(9, 1, 2, 1, 9, 2, 1, 2, 9, 3, 2, 9, 9, 2, 1),
  shape: [3],
  y: Int32Array.of(0, 1, 2, 0, 1),
  labels: ['a', 'b', 'c'],
  name: 'five',
};

const assess = async (model: Model, data: Samples, options: QualityOptions = {}): Promise<Assessment> =>
  (await assessAll(createSession, [model], data, options))[0]!;

describe('a classifier', () => {
  it.each([
    ['open', 'N', 2],
    ['fixed', 1, undefined],
    ['fixed and not a divisor', 2, undefined],
  ])('has its hits and confusions counted with a batch that is %s', async (_, batch, batchSize) => {
    const found = await assess(passThrough(batch), samples, { ...(batchSize && { batchSize }) });
    expect(found.accuracy).toEqual({ samples: 5, accuracy: 3 / 5, top5: 1 });
    expect(found.confusion).toEqual([
      [1, 0, 1],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(found.notes).toEqual([]);
    expect(found.quality.map(({ metric }) => metric)).toEqual(['accuracy', 'macroF1']);
  });

  it('of more classes than the data have says how they are matched', async () => {
    const fewer: Samples = {
      ...samples,
      x: Float32Array.of(9, 1, 2, 1, 9, 2),
      y: Int32Array.of(0, 1),
      labels: ['b', 'c'],
    };
    const { notes } = await assess(passThrough('N'), fewer);
    expect(notes).toEqual([expect.stringContaining('the model has 3 classes without names, the data have 2')]);
  });

  it('names every misfit of samples and model', async () => {
    const wrong: Samples = { ...samples, shape: [5], x: new Float32Array(5), y: Int32Array.of(0) };
    await expect(assess(passThrough('N'), wrong)).rejects.toMatchObject({ code: 'bad-samples' });
  });
});

describe('a measurement', () => {
  it('has latency and memory too', async () => {
    const model = passThrough('N');
    const bytes = encodeModel(model);
    const benchmark = (models: readonly (Uint8Array | string)[]) => benchmarkModels(models, { runs: 5, warmup: 1 });
    const [one] = await measureModels([{ model, file: bytes }], samples, { createSession, benchmark });
    expect(one!.measurement).toMatchObject({
      accuracy: 3 / 5,
      samples: 5,
      bytes: bytes.byteLength,
      parameters: 0,
      macs: 0,
    });
    expect(one!.measurement.peakRssBytes).toBeGreaterThan(20e6);
  });

  it('takes as many rows of several inputs as a fixed batch has', async () => {
    const b = new GraphBuilder();
    b.node('Add', [b.input('x', 'float32', [2, 3]), b.input('more', 'float32', [2, 3])], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [2, 3]);
    const model = b.build();
    const more = { values: new Float32Array(15), shape: [3] };
    let shapes: (readonly number[])[] = [];
    const [one] = await measureModels(
      [{ model, file: encodeModel(model) }],
      { ...samples, inputs: { more } },
      {
        createSession,
        benchmark: async (models, options) => {
          const results = await benchmarkModels(models, { ...options, runs: 2, warmup: 0 });
          shapes = results[0]!.inputs.map(({ shape }) => shape);
          return results;
        },
      },
    );
    expect(one!.measurement.accuracy).toBe(3 / 5);
    expect(shapes).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it('is null where no benchmark gave one, and says why', async () => {
    const model = passThrough('N');
    const [one] = await measureModels([{ model, file: encodeModel(model) }], samples, {
      createSession,
      benchmark: () => Promise.reject(new Error('no process can be started')),
    });
    expect(one!.measurement).toMatchObject({ p50Ms: null, p95Ms: null, peakRssBytes: null, runs: 0 });
    expect(one!.measurement.notes).toEqual(['latency and memory were not measured: no process can be started']);
  });
});
