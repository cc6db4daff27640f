import { describe, expect, it } from 'vitest';
import { elementCount, float32, GraphBuilder, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { Random } from '../random.js';
import { gradientErrors } from './central-differences.js';
import type { Mode } from './row.js';

const random = new Random(3, 'normalization');
const drawn = (shape: readonly number[], low: number, high: number): Tensor =>
  float32(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.uniform(low, high)),
  );

/** Largest relative error of the gradients by input, scale and shift; the input's mean is ten deviations from zero. */
async function errors(shape: readonly number[], mode: Mode): Promise<Map<string, number>> {
  const c = [shape[1]!];
  const feeds: Record<string, Tensor> = {
    x: drawn(shape, 4, 6),
    scale: drawn(c, 0.5, 2),
    shift: drawn(c, -1, 1),
    mean: drawn(c, 4, 6),
    variance: drawn(c, 0.5, 2),
  };
  const b = new GraphBuilder();
  const inputs = Object.entries(feeds).map(([name, { dims }]) => b.input(name, 'float32', dims));
  b.output(b.node('BatchNormalization', inputs), 'float32', shape);
  return gradientErrors(b.build(), createSession, { feeds, wrt: ['x', 'scale', 'shift'], mode });
}

describe('BatchNormalization against central differences, as its formulations follow the number of positions', () => {
  for (const shape of [
    [6, 3],
    [4, 2, 2, 3],
    [2, 2, 3, 4],
    [2, 3, 70],
    [2, 2, 9, 8],
  ]) {
    for (const mode of ['train', 'eval'] as const) {
      it(`[${shape.join(', ')}], ${mode}`, async () => {
        for (const [name, error] of await errors(shape, mode)) expect(error, name).toBeLessThan(3e-4);
      });
    }
  }
});

describe('BatchNormalization in training form', () => {
  it('keeps the statistics of two passes through the same node apart', async () => {
    const shape = [3, 2, 4, 4];
    const feeds: Record<string, Tensor> = {
      x: drawn(shape, 4, 6),
      y: drawn(shape, -9, -3),
      scale: drawn([2], 0.5, 2),
      shift: drawn([2], -1, 1),
      mean: drawn([2], 4, 6),
      variance: drawn([2], 0.5, 2),
    };
    const b = new GraphBuilder();
    const [x, y, ...rest] = Object.entries(feeds).map(([name, { dims }]) => b.input(name, 'float32', dims));
    const passes = [x!, y!].map((value) => b.node('BatchNormalization', [value, ...rest]));
    b.output(b.node('Mul', passes), 'float32', shape);
    const found = await gradientErrors(b.build(), createSession, { feeds, wrt: ['x', 'y', 'scale', 'shift'] });
    for (const [name, error] of found) expect(error, name).toBeLessThan(5e-4);
  });
});
