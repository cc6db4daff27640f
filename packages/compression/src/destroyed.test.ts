/** Small networks of every kind, quantised well and destroyed: the first is offered, the second never. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { Random } from '@verge/data';
import { encodeModel, float32, GraphBuilder, ints, type Model } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { fit, type LossSpec } from '@verge/training';
import { compress, type Compressed, type CompressOptions } from './compress.js';

const WIDTH = 16;
const SIDE = 8;

function weights(random: Random, dims: number[], fan: number) {
  const limit = Math.sqrt(6 / fan);
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.symmetric(limit)),
  );
}

/** Dense layers of these widths with Relu between, around `offset`. */
function dense(widths: readonly number[], seed: number, offset = 0): Model {
  const [random, b] = [new Random(seed), new GraphBuilder()];
  let value = b.input('x', 'float32', ['n', widths[0]!]);
  widths.slice(1).forEach((width, i) => {
    const from = widths[i]!;
    const w = b.initializer(`w${i}`, weights(random, [from, width], from));
    const last = i + 2 === widths.length;
    const bias = new Float32Array(width).fill(last ? offset : 0);
    value = b.node('Gemm', [value, w, b.initializer(`b${i}`, float32([width], bias))]);
    if (!last) value = b.node('Relu', [value]);
  });
  b.output(value, 'float32', ['n', widths.at(-1)!]);
  return b.build();
}

/** Two convolutions: scores of two classes for each pixel. */
function segmenter(): Model {
  const [random, b] = [new Random(3), new GraphBuilder()];
  const conv = (x: string, from: number, to: number): string =>
    b.node(
      'Conv',
      [
        x,
        b.initializer(`w${to}`, weights(random, [to, from, 3, 3], from * 9)),
        b.initializer(`b${to}`, float32([to], new Float32Array(to))),
      ],
      { pads: ints([1, 1, 1, 1]) },
    );
  const hidden = b.node('Relu', [conv(b.input('x', 'float32', ['n', 1, SIDE, SIDE]), 1, 16)]);
  b.output(conv(hidden, 16, 2), 'float32', ['n', 2, SIDE, SIDE]);
  return b.build();
}

interface Kind {
  readonly model: Model;
  readonly loss: LossSpec;
  /** What a sample is, drawn, and what is right about it. */
  readonly draw: (random: Random) => { x: number[]; y?: number; targets?: number[] };
  readonly shape: readonly number[];
  readonly labels?: readonly string[];
  readonly whole?: boolean;
  readonly epochs: number;
  /** What the right figure is called. */
  readonly metric: string;
}

const around = (random: Random, center: readonly number[], noise: number): number[] =>
  center.map((v) => v + random.symmetric(noise));
const centers = Array.from({ length: 4 }, (_, c) =>
  Array.from({ length: WIDTH }, (__, i) => 2 * Math.sin((c + 1) * (i + 1))),
);

const kinds: Readonly<Record<string, Kind>> = {
  classifier: {
    ...{ model: dense([WIDTH, 32, 4], 1), loss: { kind: 'cross-entropy' }, shape: [WIDTH], epochs: 20 },
    draw: (random) => {
      const y = Math.floor(random.unit() * 4);
      return { x: around(random, centers[y]!, 2), y };
    },
    ...{ labels: ['a', 'b', 'c', 'd'], metric: 'accuracy' },
  },
  regressor: {
    ...{ model: dense([WIDTH, 32, 1], 2, 30), loss: { kind: 'mse' }, shape: [WIDTH], epochs: 60 },
    // The offset is ten times what varies: a constant answer is near, and useless.
    draw: (random) => {
      const x = Array.from({ length: WIDTH }, () => random.symmetric(1));
      return { x, targets: [30 + x[0]! * 3 - x[1]! * 2 + Math.abs(x[2]!)] };
    },
    metric: 'rmse',
  },
  'auto-encoder': {
    ...{ model: dense([WIDTH, 24, 4, 24, WIDTH], 4), loss: { kind: 'mse' }, shape: [WIDTH], epochs: 60 },
    draw: (random) => ({ x: around(random, centers[Math.floor(random.unit() * 4)]!, 0.3) }),
    metric: 'rmse',
  },
  segmenter: {
    ...{ model: segmenter(), loss: { kind: 'cross-entropy' }, shape: [1, SIDE, SIDE], epochs: 30, whole: true },
    // A bright square on noise.
    draw: (random) => {
      const [top, left] = [Math.floor(random.unit() * 5), Math.floor(random.unit() * 5)];
      const inside = (i: number): boolean =>
        Math.floor(i / SIDE) >= top && Math.floor(i / SIDE) < top + 4 && i % SIDE >= left && i % SIDE < left + 4;
      const pixels = Array.from({ length: SIDE * SIDE }, (_, i) => i);
      return {
        x: pixels.map((i) => random.symmetric(1) + (inside(i) ? 2 : 0)),
        targets: pixels.map((i) => +inside(i)),
      };
    },
    metric: 'mIoU',
  },
};

function samplesOf({ draw, shape, labels = [], whole }: Kind, count: number, seed: number): Samples {
  const random = new Random(seed);
  const rows = Array.from({ length: count }, () => draw(random));
  const targets = rows.flatMap(({ targets: own = [] }) => own);
  return {
    ...{ x: Float32Array.from(rows.flatMap(({ x }) => x)), shape, labels, name: 'drawn' },
    y: Int32Array.from(rows, ({ y = -1 }) => y),
    ...(targets.length > 0 && { targets: whole ? Int32Array.from(targets) : Float32Array.from(targets) }),
  };
}

/** The same without all that says what is right. */
function bare({ x, shape, y, name }: Samples): Samples {
  return { x, shape, y: new Int32Array(y.length).fill(-1), labels: [], name };
}

/** One run of each, timed here: processes of their own take longer than all else, and the latency is not what this is about. */
const timed: CompressOptions['benchmark'] = async (models, { threads, feeds }) => {
  const figures = [];
  for (const model of models) {
    const session = await createSession(model as Uint8Array);
    const inputs = [{ name: 'x', dtype: 'float32' as const, shape: null }];
    const [, shape] = Object.entries((await feeds!(inputs)).shapes ?? {})[0]!;
    const x = float32(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
    const from = performance.now();
    await session.run({ x });
    const p50Ms = performance.now() - from;
    await session.release();
    const { rss } = process.memoryUsage();
    figures.push({ p50Ms, p95Ms: p50Ms, peakRssBytes: rss, threads, runs: 1, machine: 'here' });
  }
  return figures;
};

const budget = { maxLatencyRatio: 1000, maxSizeRatio: 10 };
const good = { name: 'good', passes: [{ pass: 'fold' }, { pass: 'quantize-static' }], budget };
const destroy = {
  name: 'destroy',
  passes: [
    { pass: 'fold' },
    { pass: 'quantize-static', calibration: 'percentile', percentile: 55, giveWay: false, biasCorrection: false },
  ],
  budget,
};

describe.each(Object.keys(kinds))('of a %s', (name) => {
  const kind = kinds[name]!;
  let data: Record<'train' | 'validation' | 'test', Samples>;
  let model: Uint8Array;

  beforeAll(async () => {
    data = { train: samplesOf(kind, 512, 1), validation: samplesOf(kind, 64, 2), test: samplesOf(kind, 256, 3) };
    const { train, validation } = data;
    const optimizer = { name: 'adamw' as const, learningRate: 0.01 };
    const { epochs, loss } = kind;
    model = (await fit({ model: kind.model, createSession, train, validation, epochs, loss, optimizer })).bytes;
  });

  const carried = (recipe: unknown, parts: typeof data, more: Partial<CompressOptions> = {}): Promise<Compressed> =>
    compress({
      ...{ model, recipe, target: { name: 'x64' }, data: parts, createSession },
      benchmark: timed,
      ...more,
    });
  const unlabelled = (): typeof data => ({
    train: bare(data.train),
    validation: bare(data.validation),
    test: bare(data.test),
  });

  it('a good int8 model is offered, and a destroyed one refused, by what samples say is right', async () => {
    const { report } = await carried(good, data);
    expect(report.before.quality![0]).toMatchObject({ metric: kind.metric, samples: 256 });
    expect([report.offered, report.reasons]).toEqual([true, []]);
    const broken = await carried(destroy, data);
    expect(broken.report.offered).toBe(false);
    expect(broken.report.reasons[0]).toMatch(kind.metric);
  });

  it('and by its likeness where they say nothing', async () => {
    const { report } = await carried(good, unlabelled());
    expect([report.offered, report.reasons]).toEqual([true, []]);
    for (const task of [undefined, 'classification', 'regression'] as const) {
      const broken = await carried(destroy, unlabelled(), task && { task });
      expect(broken.report.offered, task).toBe(false);
    }
  });
});

describe('what cannot be measured', () => {
  const one = kinds['regressor']!;
  const parts = () => ({ train: samplesOf(one, 64, 1), validation: samplesOf(one, 8, 2), test: samplesOf(one, 32, 3) });
  const carried = (more: Partial<CompressOptions>): Promise<Compressed> =>
    compress({
      ...{ model: encodeModel(one.model), recipe: good, target: { name: 'x64' }, data: parts(), createSession },
      benchmark: (models, o) => benchmarkModels(models, { ...o, runs: 2, rounds: 1, minRoundMs: 1 }),
      ...more,
    });

  it('is refused without samples', async () => {
    const data = { ...parts(), test: samplesOf(one, 0, 3) };
    const { report } = await carried({ data });
    expect(report.offered).toBe(false);
    expect(report.reasons.join()).toMatch(/no sample to compare it on/);
  });

  it('is refused without a latency', async () => {
    const { report } = await carried({ benchmark: () => Promise.reject(new Error('nothing starts')) });
    expect(report.offered).toBe(false);
    expect(report.reasons).toContain('latency and memory were not measured: nothing starts');
  });

  it('is named before anything is done where a pass learns from labels', async () => {
    const recipe = { name: 'cut', passes: [{ pass: 'prune-filters', ratio: 0.5 }] };
    await expect(carried({ recipe })).rejects.toMatchObject({
      code: 'bad-samples',
      problems: [expect.stringMatching(/train part has no labels.*prune-filters/), expect.stringMatching(/validation/)],
    });
  });
});
