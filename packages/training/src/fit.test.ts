import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples, type Samples } from '@verge/data';
import { decodeModel, encodeModel, float, float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from './architectures/registry.js';
import { decodeCheckpoint } from './checkpoint.js';
import { fit } from './fit.js';
import type { FitOptions } from './fit-options.js';
import { findParameters, floatsOf } from './parameters.js';
import { predict, score } from './predict.js';
import type { Progress } from './progress.js';
import { Random } from './random.js';

let train: Samples;
let validation: Samples;

beforeAll(async () => {
  const parts = splitSamples(
    await loadDigits(fileURLToPath(new URL('../../../datasets/digits', import.meta.url))),
    'digits-v1',
  );
  train = pick(
    parts.train,
    Array.from({ length: 330 }, (_, i) => i),
  );
  validation = parts.validation;
});

/** A network with everything that could make a run depend on more than its seed. */
function network(): Model {
  const params = { channels: [4, 8], dropout: 0.2 };
  return buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params }, 7);
}

function options(more: Partial<FitOptions> = {}): FitOptions {
  return {
    model: network(),
    createSession,
    train,
    validation,
    epochs: 3,
    batchSize: 32,
    seed: 5,
    optimizer: { name: 'adamw', learningRate: 0.005, weightDecay: 0.01 },
    schedule: { name: 'cosine', warmupEpochs: 1 },
    augmentation: { shift: 1, rotate: 5, scale: 0, flip: false },
    ...more,
  };
}

/** Quick enough for a few epochs of eleven batches. */
const fast = { name: 'adamw', learningRate: 0.02 } as const;

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe('fit', () => {
  it('learns, reports each epoch, and returns what predict scores the same', async () => {
    const seen: Progress[] = [];
    const result = await fit(
      options({ epochs: 12, augmentation: undefined, optimizer: fast, onProgress: (p) => void seen.push(p) }),
    );
    expect(seen.map((p) => [p.epoch, p.epochs, p.step])).toEqual(
      Array.from({ length: 12 }, (_, i) => [i + 1, 12, (i + 1) * 10]),
    );
    expect(seen.at(-1)!.trainLoss).toBeLessThan(seen[0]!.trainLoss * 0.7);
    expect(result.validation.accuracy).toBeGreaterThan(0.6);
    const again = score(await predict(decodeModel(result.bytes), validation, createSession), validation.y);
    expect(again).toEqual(result.validation);
  });

  it('the same seed gives the same bytes, another seed others', async () => {
    const [a, b, c] = [await fit(options()), await fit(options()), await fit(options({ seed: 6 }))];
    expect(same(a.bytes, b.bytes)).toBe(true);
    expect(same(a.bytes, c.bytes)).toBe(false);
  });

  it('a killed and resumed run ends with the bytes and the history of the run that was never killed', async () => {
    const checkpoints: Uint8Array[] = [];
    const whole = await fit(
      options({ checkpointEverySteps: 7, saveCheckpoint: (bytes) => void checkpoints.push(bytes) }),
    );
    const positions = checkpoints.map((c) => decodeCheckpoint(c).position);
    expect(positions.map((p) => [p.epoch, p.stepInEpoch])).toEqual([
      [0, 7],
      [1, 0],
      [1, 4],
      [2, 0],
      [2, 1],
      [2, 8],
      [3, 0],
    ]);
    const timeless = (h: readonly Progress[]): unknown => h.map((p) => ({ ...p, seconds: 0 }));
    for (const resumeFrom of checkpoints) {
      const resumed = await fit(options({ resumeFrom }));
      expect(same(resumed.bytes, whole.bytes)).toBe(true);
      expect(timeless(resumed.history)).toEqual(timeless(whole.history));
    }
  });

  it('refuses a damaged checkpoint and that of another run', async () => {
    let last = new Uint8Array();
    await fit(options({ epochs: 1, saveCheckpoint: (bytes) => void (last = Uint8Array.from(bytes)) }));
    const flipped = last.slice();
    flipped[100]! ^= 1;
    const cases = [last.subarray(0, last.length - 5), flipped, new Uint8Array(3)];
    for (const resumeFrom of cases) {
      await expect(fit(options({ epochs: 1, resumeFrom }))).rejects.toMatchObject({ code: 'bad-checkpoint' });
    }
    const other = fit(options({ epochs: 1, seed: 6, resumeFrom: last }));
    await expect(other).rejects.toMatchObject({
      code: 'bad-checkpoint',
      message: expect.stringContaining('belongs to a run'),
    });
  });

  it('stops before the next step when it is cancelled', async () => {
    const control = new AbortController();
    let steps = 0;
    const augment = (x: Float32Array): Float32Array => {
      if (++steps === 4) control.abort(new Error('enough'));
      return x;
    };
    await expect(fit(options({ augment, signal: control.signal }))).rejects.toMatchObject({ code: 'cancelled' });
    expect(steps).toBe(4);
    await expect(fit(options({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('lets timers run between steps', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await fit(options({ epochs: 2 }));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it('stops early and keeps the best epoch', async () => {
    const rate = { name: 'sgd' as const, learningRate: 1e-9, momentum: 0 };
    const model = buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [8] } });
    const result = await fit(
      options({ model, epochs: 20, optimizer: rate, earlyStop: { patience: 2, minDelta: 0.01 } }),
    );
    expect(result.stoppedEarly).toBe(true);
    expect(result.history).toHaveLength(3);
  });

  it('masked elements stay zero under momentum and weight decay', async () => {
    const model = network();
    const name = 'stage2.block1.a.conv.weight';
    const size = floatsOf(model.graph.initializers.get(name))!.length;
    const mask = Uint8Array.from({ length: size }, (_, i) => i % 2);
    for (const optimizer of [{ name: 'sgd' as const, learningRate: 0.05, weightDecay: 1e-3 }, options().optimizer]) {
      const result = await fit(options({ model, optimizer, epochs: 2, masks: new Map([[name, mask]]) }));
      const after = floatsOf(result.model.graph.initializers.get(name))!;
      expect(after.filter((v, i) => (mask[i] === 0) !== (v === 0))).toHaveLength(0);
    }
  });

  it('leaves parameters alone that are not trainable', async () => {
    const model = network();
    const result = await fit(options({ model, epochs: 1, trainable: (name) => name.startsWith('output.') }));
    for (const name of findParameters(model.graph).keys()) {
      const [before, after] = [model, result.model].map((m) => floatsOf(m.graph.initializers.get(name))!);
      expect(same(new Uint8Array(before!.slice().buffer), new Uint8Array(after!.slice().buffer)), name).toBe(
        !name.startsWith('output.'),
      );
    }
  });
});

describe('plain ONNX models', () => {
  /** Opset 9: attributes where today there are inputs, a Softmax at the end, a fixed batch of 1. */
  function old(): Model {
    const b = new GraphBuilder();
    const random = new Random(1, 'old');
    const weight = (name: string, dims: number[]): string =>
      b.initializer(
        name,
        float32(
          dims,
          Float32Array.from({ length: dims[0]! * dims[1]! }, () => 0.2 * random.normal()),
        ),
      );
    let x = b.node('Flatten', [b.input('image', 'float32', [1, 1, 8, 8])]);
    x = b.node('Clip', [b.node('MatMul', [x, weight('w1', [64, 32])])], { min: float(0), max: float(6) });
    x = b.node('Dropout', [x], { ratio: float(0.1) });
    x = b.node('Add', [
      b.node('MatMul', [x, weight('w2', [32, 10])]),
      b.initializer('b2', float32([10], new Float32Array(10))),
    ]);
    b.output(b.node('Softmax', [x], { axis: int(1) }), 'float32', [1, 10]);
    return b.build({ opset: 9, irVersion: 4 });
  }

  it('of an old opset and fixed batch are trained and keep their form', async () => {
    const model = old();
    const result = await fit(options({ model, epochs: 8, augmentation: undefined, optimizer: fast }));
    expect(result.validation.accuracy).toBeGreaterThan(0.8);
    expect(result.model.opsets).toEqual(model.opsets);
    expect(result.model.graph.nodes).toEqual(model.graph.nodes);
    expect(encodeModel(decodeModel(result.bytes))).toEqual(result.bytes);
  });

  it('auto-encoders learn to reproduce their input', async () => {
    const b = new GraphBuilder();
    const random = new Random(2, 'code');
    const weight = (name: string, dims: number[]): string =>
      b.initializer(
        name,
        float32(
          dims,
          Float32Array.from({ length: dims[0]! * dims[1]! }, () => 0.15 * random.normal()),
        ),
      );
    const code = b.node('Relu', [b.node('MatMul', [b.input('x', 'float32', ['N', 64]), weight('in', [64, 16])])]);
    b.output(b.node('MatMul', [code, weight('out', [16, 64])]), 'float32', ['N', 64]);
    const flat = { shape: [64] };
    const result = await fit(
      options({
        model: b.build(),
        loss: { kind: 'mse' },
        augmentation: undefined,
        epochs: 10,
        train: { ...train, ...flat },
        validation: { ...validation, ...flat },
      }),
    );
    expect(result.history.at(-1)!.valLoss).toBeLessThan(result.history[0]!.valLoss / 2);
    expect(result.epoch).toBe(10);
  });
});

describe('bad input', () => {
  it('names every bad option at once', async () => {
    const bad = options({ epochs: 0, batchSize: 1.5, optimizer: { name: 'sgd', learningRate: -1 }, labelSmoothing: 1 });
    await expect(fit(bad)).rejects.toMatchObject({
      code: 'bad-options',
      problems: [
        expect.stringContaining('epochs'),
        expect.stringContaining('batchSize'),
        expect.stringContaining('learningRate'),
        expect.stringContaining('labelSmoothing'),
      ],
    });
  });

  it('refuses to smooth labels that the loss does not read so', async () => {
    const hinge = options({ loss: { kind: 'hinge' }, labelSmoothing: 0.1 });
    await expect(fit(hinge)).rejects.toMatchObject({
      code: 'bad-options',
      problems: ["labelSmoothing: the loss 'hinge' has no labels that could be smoothed"],
    });
  });

  it('says when every parameter is frozen', async () => {
    await expect(fit(options({ trainable: () => false }))).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/^all \d+ parameters are frozen$/),
    });
  });

  it('refuses samples that do not fit', async () => {
    const wrong = { ...train, shape: [8, 8] };
    await expect(fit(options({ train: wrong }))).rejects.toMatchObject({ code: 'bad-samples' });
    const label = { ...validation, y: validation.y.map(() => 10) };
    await expect(fit(options({ validation: label }))).rejects.toMatchObject({ code: 'bad-samples' });
    await expect(fit(options({ train: { ...train, y: train.y.subarray(1) } }))).rejects.toMatchObject({
      code: 'bad-samples',
    });
  });

  it('says where the loss left the numbers', async () => {
    const optimizer = { name: 'sgd' as const, learningRate: 1e30 };
    await expect(fit(options({ optimizer }))).rejects.toMatchObject({ code: 'diverged' });
  });

  it('names every node without a gradient before anything runs', async () => {
    const b = new GraphBuilder();
    const w = b.initializer('w', float32([64, 10], new Float32Array(640)));
    const product = b.node('MatMul', [b.node('Flatten', [b.input('x', 'float32', ['N', 1, 8, 8])]), w]);
    const drawn = b.node('Bernoulli', [b.node('Sigmoid', [product])], {}, 1, { name: 'first' });
    b.output(b.node('Bernoulli', [drawn], {}, 1, { name: 'second' }), 'float32', ['N', 10]);
    let opened = false;
    const watched: FitOptions['createSession'] = (...args) => {
      opened = true;
      return createSession(...args);
    };
    await expect(fit(options({ model: b.build(), createSession: watched }))).rejects.toMatchObject({
      code: 'no-gradient',
      problems: ["node 'first' (Bernoulli)", "node 'second' (Bernoulli)"],
    });
    expect(opened).toBe(false);
  });
});
