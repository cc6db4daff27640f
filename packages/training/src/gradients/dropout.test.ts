import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int64 } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import { DROPOUT_SEED } from './dropout.js';

describe('dropout', () => {
  it('drops the asked share, scales the rest, repeats for a seed and is independent between seeds', async () => {
    const [n, ratio] = [20_000, 0.3];
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [n]);
    b.output(b.node('Dropout', [x, b.initializer('ratio', float32([], [ratio]))]), 'float32', [n]);
    const session = await createSession(encodeModel(buildVectorJacobianModel(b.build(), { wrt: ['x'] })));
    const ones = float32([n], new Float32Array(n).fill(1));
    const kept = async (seed: number): Promise<number[]> => {
      const out = await session.run({ x: ones, seed: ones, [DROPOUT_SEED]: int64([], [seed]) });
      return Array.from(out[OUTPUT]!.data as Float32Array);
    };
    const masks = [await kept(1), await kept(2), await kept(4_000_000_000)];
    expect(await kept(1)).toEqual(masks[0]);
    // Five standard deviations of a binomial share: 5 * sqrt(p * (1 - p) / n).
    const near = (share: number, p: number): void =>
      expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n));
    for (const mask of masks) {
      near(mask.filter((v) => v === 0).length / n, ratio);
      expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - ratio))]));
      // Neighbours are dropped independently of each other.
      near(mask.filter((v, i) => v === 0 && mask[(i + 1) % n] === 0).length / n, ratio ** 2);
    }
    for (const [i, j] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      near(masks[i]!.filter((v, k) => v === 0 && masks[j]![k] === 0).length / n, ratio ** 2);
    }
    await session.release();
  });
});
