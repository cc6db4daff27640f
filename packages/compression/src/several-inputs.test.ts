/** A network that reads a second array and a number beside the images. */
import { expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { decodeModel, encodeModel, float32, GraphBuilder, type Model } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { measureQuality, openSubject } from '@verge/training';
import { compress } from './compress.js';

const SIDE = 6;
const CLASSES = 4;

/** Numbers in [-1, 1), the same ones in every run. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => ((state = (state * 16807) % 2147483647) / 2147483647) * 2 - 1);
}

/** scale * (two layers over x [n, 1, 6, 6]) + hints [n, 4], of which the hints decide. */
function network(): Model {
  const b = new GraphBuilder();
  const conv = (x: string, from: number, to: number, seed: number): string =>
    b.node('Relu', [
      b.node('Conv', [
        x,
        b.initializer(`w${seed}`, float32([to, from, 3, 3], numbers(to * from * 9, seed))),
        b.initializer(`b${seed}`, float32([to], numbers(to, seed + 1))),
      ]),
    ]);
  const features = conv(conv(b.input('x', 'float32', ['n', 1, SIDE, SIDE]), 1, 16, 3), 16, 16, 5);
  const w = b.initializer('w', float32([16 * 4, CLASSES], numbers(64 * CLASSES, 7)));
  const scores = b.node('MatMul', [b.node('Flatten', [features]), w]);
  const scaled = b.node('Mul', [scores, b.input('scale', 'float32', [1])]);
  b.output(b.node('Add', [scaled, b.input('hints', 'float32', ['n', CLASSES])]), 'float32', ['n', CLASSES]);
  return b.build();
}

function samples(count: number, seed: number): Samples {
  const hints = numbers(count * CLASSES, seed + 1);
  const y = Int32Array.from({ length: count }, (_, i) => {
    const row = [...hints.subarray(i * CLASSES, (i + 1) * CLASSES)];
    return row.indexOf(Math.max(...row));
  });
  return {
    x: numbers(count * SIDE * SIDE, seed),
    y,
    name: 'hinted',
    shape: [1, SIDE, SIDE],
    labels: ['a', 'b', 'c', 'd'],
    inputs: { hints: { values: hints, shape: [CLASSES] } },
  };
}

it('is pruned, tuned, folded and quantized on all of them', async () => {
  const data = { train: samples(256, 11), validation: samples(64, 13), test: samples(128, 17) };
  const ports = { fixedInputs: { scale: 1e-5 } };
  const { model, report } = await compress({
    model: encodeModel(network()),
    recipe: {
      name: 'all',
      passes: [
        {
          pass: 'prune-filters',
          ratio: 0.5,
          multiple: 8,
          fineTune: { epochs: 1, optimizer: { name: 'sgd', learningRate: 0.001 } },
        },
        { pass: 'fold' },
        { pass: 'quantize-static', samples: 64 },
      ],
    },
    target: { name: 'x64' },
    data,
    ports,
    createSession,
    benchmark: (models, o) => benchmarkModels(models, { ...o, runs: 3 }),
  });
  // The hints decide, and they are what they were.
  expect([report.before.accuracy, report.after.samples]).toEqual([1, 128]);
  expect(report.after.accuracy).toBeGreaterThan(0.95);
  expect(report.passes[0]!.changes['filtersRemoved']).toBeGreaterThan(0);
  expect(
    decodeModel(model)
      .graph.inputs.map((i) => i.name)
      .sort(),
  ).toEqual(['hints', 'scale', 'x']);
  const subject = await openSubject(decodeModel(model), createSession);
  const [again] = await measureQuality([subject], data.test, ports);
  await subject.session.release();
  expect(again!.accuracy!.accuracy).toBe(report.after.accuracy);
});
