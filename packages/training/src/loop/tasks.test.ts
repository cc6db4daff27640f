/** What can be learnt besides classes of images, each on a small problem whose answer is known. */
import { describe, expect, it } from 'vitest';
import { float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import type { FitOptions } from '../fit-options.js';
import { predict } from '../predict.js';
import { Random } from '../random.js';
import type { TrainingSamples } from '../samples.js';

const adam = (learningRate: number) => ({ name: 'adamw', learningRate, weightDecay: 0 }) as const;

function weight(b: GraphBuilder, name: string, dims: number[]): string {
  const random = new Random(1, name);
  const size = dims.reduce((n, d) => n * d, 1);
  const bound = Math.sqrt(3 / dims[0]!);
  return b.initializer(
    name,
    float32(
      dims,
      Float32Array.from({ length: size }, () => random.uniform(-bound, bound)),
    ),
  );
}

const zeros = (b: GraphBuilder, name: string, size: number): string =>
  b.initializer(name, float32([size], new Float32Array(size)));

/** Two dense layers over vectors. */
function dense(from: number, to: number): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['N', from]);
  const hidden = b.node('Tanh', [b.node('Gemm', [x, weight(b, 'w1', [from, 16]), zeros(b, 'b1', 16)])]);
  b.output(b.node('Gemm', [hidden, weight(b, 'w2', [16, to]), zeros(b, 'b2', to)]), 'float32', ['N', to]);
  return b.build();
}

function vectors(count: number, size: number, name: string): Float32Array {
  const random = new Random(4, name);
  return Float32Array.from({ length: count * size }, () => random.uniform(-1, 1));
}

function halves(all: TrainingSamples, at: number): { train: TrainingSamples; validation: TrainingSamples } {
  const n = all.y.length;
  const cut = (from: number, to: number): TrainingSamples => {
    const part = <T extends { length: number; subarray(a: number, b: number): T }>(v: T): T =>
      v.subarray((v.length / n) * from, (v.length / n) * to);
    return {
      x: part(all.x as Float32Array),
      shape: all.shape,
      y: part(all.y),
      ...(all.targets && { targets: part(all.targets as Float32Array) }),
    };
  };
  return { train: cut(0, at), validation: cut(at, n) };
}

const run = (more: Pick<FitOptions, 'model' | 'train' | 'validation'> & Partial<FitOptions>) =>
  fit({ createSession, epochs: 30, batchSize: 32, optimizer: adam(0.02), ...more });

describe('values', () => {
  const x = vectors(400, 2, 'values');
  const targets = Float32Array.from({ length: 800 }, (_, i) => {
    const [a, b] = [x[i - (i % 2)]!, x[i - (i % 2) + 1]!];
    return i % 2 === 0 ? a * b : a - 0.5 * b;
  });
  const parts = halves({ x, shape: [2], y: new Int32Array(400), targets }, 320);

  it.each(['mse', 'mae', 'huber'] as const)('%s: R2 above 0.95', async (kind) => {
    const result = await run({ model: dense(2, 2), ...parts, loss: { kind } });
    expect(result.metrics.r2).toBeGreaterThan(0.95);
    const last = result.history.at(-1)!;
    expect(last.metrics).toEqual(result.metrics);
    if (kind === 'mse') expect(last.valLoss).toBeCloseTo(result.metrics.rmse! ** 2, 6);
    // The loss graph rounds in float32; the metric is summed in double precision.
    if (kind === 'mae') expect(last.valLoss).toBeCloseTo(result.metrics.mae!, 6);
  });

  it('as series of values, forecast from their past', async () => {
    const [past, ahead, count] = [12, 3, 300];
    const wave = (t: number): number => Math.sin(t / 4) + 0.4 * Math.sin(t / 1.7);
    const windows = Array.from({ length: count }, (_, i) => i * 1.3);
    const series: TrainingSamples = {
      x: Float32Array.from(windows.flatMap((t) => Array.from({ length: past }, (_, k) => wave(t + k)))),
      shape: [past],
      y: new Int32Array(count),
      targets: Float32Array.from(windows.flatMap((t) => Array.from({ length: ahead }, (_, k) => wave(t + past + k)))),
    };
    const result = await run({ model: dense(past, ahead), ...halves(series, 250), loss: { kind: 'mse' } });
    expect(result.metrics.r2).toBeGreaterThan(0.9);
  });

  it('of the wrong size are refused by name', async () => {
    const wrong = { ...parts, train: { ...parts.train, targets: targets.subarray(0, 320) } };
    await expect(run({ model: dense(2, 2), ...wrong, loss: { kind: 'mse' } })).rejects.toMatchObject({
      code: 'bad-samples',
      message: expect.stringContaining('training targets hold 320'),
    });
    const none = { ...parts, validation: { ...parts.validation, targets: undefined } };
    await expect(run({ model: dense(2, 1), ...none, loss: { kind: 'mse' } })).rejects.toMatchObject({
      code: 'bad-samples',
    });
  });
});

describe('classes', () => {
  it('independent of each other: exact match above 0.85', async () => {
    const x = vectors(600, 2, 'labels');
    const targets = Float32Array.from({ length: 1800 }, (_, i) => {
      const [a, b] = [x[Math.floor(i / 3) * 2]!, x[Math.floor(i / 3) * 2 + 1]!];
      return Number([a > 0, b > 0, a + b > 0.3][i % 3]);
    });
    const parts = halves({ x, shape: [2], y: new Int32Array(600), targets }, 500);
    const result = await run({ model: dense(2, 3), ...parts, loss: { kind: 'binary-cross-entropy' } });
    expect(result.metrics.accuracy).toBeGreaterThan(0.85);
    expect(result.validation.accuracy).toBe(result.metrics.accuracy);
    expect(result.metrics.macroF1).toBeGreaterThan(0.9);
  });

  /** Token ids through an embedding, then a class for each position from the token and its predecessor. */
  function tagger(dtype: 'int32' | 'int64'): Model {
    const b = new GraphBuilder();
    const ids = b.input('ids', dtype, ['N', 6]);
    const embedded = b.node('Gather', [weight(b, 'embedding', [8, 12]), ids]);
    const before = b.node('Pad', [
      embedded,
      b.initializer('pads', { dtype: 'int64', dims: [6], data: BigInt64Array.of(0n, 1n, 0n, 0n, -1n, 0n) }),
    ]);
    const both = b.node('Concat', [embedded, before], { axis: int(2) });
    const hidden = b.node('Tanh', [b.node('MatMul', [both, weight(b, 'w1', [24, 24])])]);
    b.output(b.node('MatMul', [hidden, weight(b, 'w2', [24, 3])]), 'float32', ['N', 6, 3]);
    return b.build();
  }

  it.each(['int32', 'int64'] as const)('of each position, from %s token ids', async (dtype) => {
    const random = new Random(2, 'tokens');
    const x = Int32Array.from({ length: 500 * 6 }, () => random.below(8));
    // The class tells whether a token is larger than, as large as or smaller than the one before it; 0 comes before all.
    const targets = x.map((token, i) => (i % 6 === 0 ? -1 : token > x[i - 1]! ? 2 : token === x[i - 1]! ? 1 : 0));
    const parts = halves({ x, shape: [6], y: new Int32Array(500), targets }, 400);
    const loss = { kind: 'cross-entropy', classAxis: 'last', ignoreIndex: -1 } as const;
    const result = await run({ model: tagger(dtype), ...parts, loss, epochs: 25 });
    expect(result.metrics.accuracy).toBeGreaterThan(0.95);
    expect(result.history.at(-1)!.trainAccuracy).toBeGreaterThan(0.95);
    const { shape, logits } = await predict(result.model, parts.validation, createSession);
    expect([shape, logits.length]).toEqual([[6, 3], 100 * 18]);
  });

  it('of a sequence without alignment: error rate below 0.1', async () => {
    // Each label is held for some steps of a noisy one-hot signal; which steps is not told.
    const random = new Random(6, 'ctc');
    const [time, classes, most] = [14, 4, 3];
    const x = new Float32Array(300 * time * classes);
    const targets = new Int32Array(300 * most).fill(-1);
    for (let s = 0; s < 300; s++) {
      const count = 1 + random.below(most);
      for (let l = 0, at = random.below(2); l < count; l++) {
        const label = 1 + random.below(classes - 1);
        targets[s * most + l] = label;
        for (const end = at + 2 + random.below(2); at < end; at++) x[(s * time + at) * classes + label] = 1;
        at++;
      }
    }
    const b = new GraphBuilder();
    const signal = b.input('x', 'float32', ['N', time, classes]);
    const product = b.node('MatMul', [signal, weight(b, 'w1', [classes, 16])]);
    const hidden = b.node('Tanh', [b.node('Add', [product, zeros(b, 'b1', 16)])]);
    const logits = b.node('Add', [b.node('MatMul', [hidden, weight(b, 'w2', [16, classes])]), zeros(b, 'b2', classes)]);
    b.output(logits, 'float32', ['N', time, classes]);
    const noisy = x.map((v) => v + 0.1 * random.normal());
    const parts = halves({ x: noisy, shape: [time, classes], y: new Int32Array(300), targets }, 250);
    const result = await run({ model: b.build(), ...parts, loss: { kind: 'ctc', labels: most }, epochs: 20 });
    expect(result.metrics.labelErrorRate).toBeLessThan(0.1);
    expect(result.history[0]!.metrics!.labelErrorRate).toBeGreaterThan(0.2);
  });
});
