import { describe, expect, it } from 'vitest';
import { elementCount, encodeModel, float32, GraphBuilder, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { Random } from '../random.js';
import { buildVectorJacobianModel } from '../training-model.js';
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

describe('LayerNormalization over long rows, which are scaled by one operator', () => {
  it.each([[[4, 3, 40]], [[7, 64]]])('%j against central differences, far from zero', async (shape) => {
    const c = [shape.at(-1)!];
    const feeds: Record<string, Tensor> = {
      x: drawn(shape, 4, 6),
      scale: drawn(c, 0.5, 2),
      shift: drawn(c, -1, 1),
    };
    const b = new GraphBuilder();
    const inputs = Object.entries(feeds).map(([name, { dims }]) => b.input(name, 'float32', dims));
    b.output(b.node('LayerNormalization', inputs), 'float32', shape);
    const model = b.build();
    const found = await gradientErrors(model, createSession, { feeds, wrt: ['x', 'scale', 'shift'] });
    for (const [name, error] of found) expect(error, name).toBeLessThan(5e-4);
    const written = buildVectorJacobianModel(model, { wrt: ['x'] });
    expect(written.graph.nodes.filter((n) => n.op === 'BatchNormalization').length).toBe(3);
  });

  it('loses no more digits than the rows have themselves', async () => {
    // The mean is 2000 deviations from zero, which leaves 13 of 24 bits to what differs between elements.
    const [rows, columns] = [6, 96];
    const x = drawn([rows, columns], 999.5, 1000.5).data as Float32Array;
    const [dy, scale] = [drawn([rows, columns], -1, 1), drawn([columns], 0.5, 2)];
    const b = new GraphBuilder();
    const inputs = [b.input('x', 'float32', [rows, columns]), b.input('scale', 'float32', [columns])];
    b.output(b.node('LayerNormalization', inputs), 'float32', [rows, columns]);
    const session = await createSession(encodeModel(buildVectorJacobianModel(b.build(), { wrt: ['x'] })));
    const feeds = { x: float32([rows, columns], x), scale, seed: dy };
    const dx = (await session.run(feeds))['gradient.x']!.data as Float32Array;
    await session.release();
    const [seed, factor] = [dy.data as Float32Array, scale.data as Float32Array];
    for (let r = 0; r < rows; r++) {
      const row = Array.from(x.subarray(r * columns, (r + 1) * columns));
      const mean = row.reduce((a, v) => a + v, 0) / columns;
      const inverse = 1 / Math.sqrt(row.reduce((a, v) => a + (v - mean) ** 2, 0) / columns + 1e-5);
      const g = row.map((_, i) => seed[r * columns + i]! * factor[i]!);
      const normal = row.map((v) => (v - mean) * inverse);
      const first = g.reduce((a, v) => a + v, 0) / columns;
      const second = g.reduce((a, v, i) => a + v * normal[i]!, 0) / columns;
      row.forEach((_, i) => {
        const right = inverse * (g[i]! - first - normal[i]! * second);
        // Slopes are up to 10; 1e-3 of that is what a mean in 24 bits leaves (2000 / 2^24 = 1.2e-4, several times).
        expect(Math.abs(dx[r * columns + i]! - right)).toBeLessThan(1e-2);
      });
    }
  });
});
