import type { Samples } from '@verge/data';
import { encodeModel, float32, GraphBuilder, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../test-models.js';
import { ask, eachRun } from './ask.js';
import { Counts } from './counts.js';
import { Extremes } from './extremes.js';
import { Feeds } from './feeds.js';
import { Histogram } from './histogram.js';
import { Recorded } from './recorded.js';

function samplesOf(shape: readonly number[], count: number): Samples {
  const { data: x } = randomTensor([count, ...shape], 3);
  return { x, shape, y: new Int32Array(count).fill(-1), labels: [], name: 'noise' };
}

/** A convolution, whose output is negative in part, and a Relu. */
function convolution(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['N', 3, 40, 40]);
  b.node('Conv', [x, b.initializer('w', randomTensor([16, 3, 3, 3], 5))], {}, 1, { outputNames: ['c'] });
  b.node('Relu', ['c'], {}, 1, { outputNames: ['y'] });
  b.output('y', 'float32', ['N', 16, 38, 38]);
  return b.build();
}

/** Sessions, and how many were opened. */
function counted(): { factory: SessionFactory; opened: () => number } {
  let count = 0;
  const factory: SessionFactory = (bytes, options) => {
    count++;
    return createSession(bytes, options);
  };
  return { factory, opened: () => count };
}

async function valuesOf(model: Model, samples: Samples, names: readonly string[]): Promise<Record<string, Tensor>> {
  const { graph } = model;
  const outputs = names.map((name) => ({ ...graph.outputs[0]!, name }));
  const session = await createSession(encodeModel({ ...model, graph: { ...graph, outputs } }));
  try {
    return await session.run({ x: float32([samples.y.length, ...samples.shape], samples.x as Float32Array) });
  } finally {
    await session.release();
  }
}

describe('questions about what a model computes', () => {
  it('are answered in one run: ranges and counts are those of the values themselves', async () => {
    const [model, samples] = [convolution(), samplesOf([3, 40, 40], 10)];
    const groups = new Map(['x', 'c', 'y'].map((name) => [name, name]));
    const extremes = new Extremes(groups);
    const counts = new Counts(extremes);
    const { factory, opened } = counted();
    await ask(model, [extremes, counts], new Feeds(model, samples), { createSession: factory });
    expect(opened()).toBe(1);
    const values = { x: samples.x as Float32Array, ...mapped(await valuesOf(model, samples, ['c', 'y'])) };
    for (const [name, data] of Object.entries(values)) {
      const [min, max] = data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [0, 0]);
      // Another graph around the convolution rounds its sums otherwise.
      expect(extremes.ranges.get(name)).toEqual({ min: expect.closeTo(min, 5), max: expect.closeTo(max, 5) });
      // Of 23,104 values a sample each third stands for three.
      const { counts: bins, total, zeros } = counts.histograms.get(name)!;
      expect(total / data.length).toBeCloseTo(1, 3);
      expect(bins.reduce((a, b) => a + b, 0)).toBe(total);
      // A thousandth is several times what a third of 231,040 values strays by.
      expect(zeros / total).toBeCloseTo(data.filter((v) => v === 0).length / data.length, 2);
    }
  });

  it('are answered for half of the samples, too, every second of which is in either', async () => {
    const size = 8;
    const b = new GraphBuilder();
    b.node('Neg', [b.input('x', 'float32', ['N', size])], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', ['N', size]);
    const [model, plain] = [b.build(), samplesOf([size], 12)];
    // As in a folder for each class: what comes late is larger.
    const samples = { ...plain, x: (plain.x as Float32Array).map((v, i) => v * (1 + Math.floor(i / size))) };
    const extremes = new Extremes(new Map([['y', 'y']]));
    const counts = new Counts(extremes);
    const feeds = new Feeds(model, samples, 12, true);
    await ask(model, [extremes, counts], feeds, { createSession });
    for (const [half, parity] of [
      ['first', 0],
      ['second', 1],
    ] as const) {
      const own = samples.x.filter((_, i) => Math.floor(i / size) % 2 === parity).map((v) => -v);
      const alone = new Histogram();
      alone.add(own);
      expect(extremes.of(half).get('y')).toEqual({ min: Math.min(...own), max: Math.max(...own) });
      expect(counts.of(half).get('y')).toEqual(alone);
    }
    const all = new Histogram();
    all.add(samples.x.map((v) => -v));
    expect(counts.histograms.get('y')).toEqual(all);
    const seen: number[] = [];
    await eachRun(feeds, 2, { half: 'second' }, ({ x }) => void seen.push(...(x!.data as Float32Array)));
    expect(seen).toEqual([...samples.x].filter((_, i) => Math.floor(i / size) % 2 === 1));
  });

  it('name the activation that is not finite', async () => {
    const [model, samples] = [convolution(), samplesOf([3, 40, 40], 3)];
    samples.x[2 * 4800 + 7] = NaN;
    const study = ask(model, [new Extremes(new Map([['c', 'c']]))], new Feeds(model, samples), { createSession });
    await expect(study).rejects.toMatchObject({ code: 'bad-calibration', message: expect.stringContaining("'c'") });
  });

  it.each([
    ['kept', 4 * 33 * 64, 1],
    ['asked of the model again where they are too many to keep', 4 * 33 * 64 - 1, 2],
  ])('can be replayed, the values being %s', async (_, most, sessions) => {
    const size = 64;
    const b = new GraphBuilder();
    b.node('Abs', [b.input('x', 'float32', ['N', size])], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', ['N', size]);
    const [model, samples] = [b.build(), samplesOf([size], 33)];
    const recorded = new Recorded(() => ['y'], undefined, most);
    const { factory, opened } = counted();
    const [feeds, options] = [new Feeds(model, samples), { createSession: factory }];
    await ask(model, [recorded], feeds, options);
    let rows = 0;
    await recorded.replay(model, feeds, options, ([y], { x }) => {
      rows += x!.dims[0]!;
      expect(y!.data).toEqual((x!.data as Float32Array).map(Math.abs));
    });
    expect([rows, recorded.kept, opened()]).toEqual([33, sessions === 1, sessions]);
  });
});

const mapped = (tensors: Record<string, Tensor>): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data as Float32Array]));

describe('samples that are fed', () => {
  it('are spread over all there are, and the others never touched', () => {
    const [model, samples] = [convolution(), samplesOf([3, 40, 40], 10)];
    const feeds = new Feeds(model, samples, 4);
    const one = feeds.rows(1, 1)['x']!.data as Float32Array;
    // Rows 0, 2, 5 and 7; one row is a view on the samples' own memory.
    expect([feeds.count, one.buffer === samples.x.buffer, one.byteOffset]).toEqual([4, true, 2 * 4800 * 4]);
    const three = feeds.rows(1, 3)['x']!.data;
    const expected = [2, 5, 7].flatMap((row) => [...samples.x.subarray(row * 4800, (row + 1) * 4800)]);
    expect([...(three as Float32Array)]).toEqual(expected);
  });
});
