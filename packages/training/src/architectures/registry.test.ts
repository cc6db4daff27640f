import { describe, expect, it } from 'vitest';
import { encodeModel, float32, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { findParameters, floatsOf } from '../parameters.js';
import { buildTrainingModel } from '../training-model.js';
import type { ParamValue } from './params.js';
import { architectures, buildArchitecture } from './registry.js';

const parameterCount = (m: Model): number =>
  [...findParameters(m.graph).keys()].reduce((sum, name) => sum + floatsOf(m.graph.initializers.get(name))!.length, 0);

describe('built-in architectures', () => {
  const shapes: Record<string, number[][]> = {
    mlp: [[64], [1, 8, 8]],
    lenet: [
      [1, 28, 28],
      [3, 9, 12],
    ],
    resnet: [
      [3, 32, 32],
      [1, 8, 8],
      [2, 7, 5],
    ],
    dscnn: [
      [1, 49, 10],
      [1, 8, 8],
    ],
  };
  for (const name of Object.keys(architectures)) {
    for (const input of shapes[name]!) {
      it(`${name} on [${input.join(', ')}]: any batch in, logits out, trainable`, async () => {
        const model = buildArchitecture(name, { input, classes: 5 }, 3);
        const session = await createSession(encodeModel(model));
        for (const batch of [1, 3]) {
          const x = float32([batch, ...input], new Float32Array(batch * input.reduce((a, b) => a * b, 1)).fill(0.5));
          const out = Object.values(await session.run({ input: x }))[0]!;
          expect(out.dims).toEqual([batch, 5]);
          expect((out.data as Float32Array).every(Number.isFinite)).toBe(true);
        }
        await session.release();
        const options = {
          loss: { kind: 'cross-entropy' as const },
          optimizer: { name: 'sgd' as const, learningRate: 0.1 },
          batch: 4,
        };
        expect(buildTrainingModel(model, options).parameters.size).toBe(parameterCount(model));
      });
    }
  }

  it('has the sizes of the published networks', () => {
    // The ResNet-8 of MLPerf Tiny counts 78,666: a bias in each convolution, four values a channel in each BN, none on the
    // way around. Here: no convolution bias, two trained values a channel in each BN, one on the way around as well.
    const resnet8 = buildArchitecture('resnet', { input: [3, 32, 32], classes: 10 });
    const [stages, skips] = [3 * (16 + 32 + 64), 32 + 64];
    expect(parameterCount(resnet8) - 2 * stages).toBe(78_666 - stages - 4 * (stages - skips));
  });

  it('draws the same weights for the same seed', () => {
    const bytes = (seed: number): Uint8Array =>
      encodeModel(buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10 }, seed));
    expect(bytes(1)).toEqual(bytes(1));
    expect(bytes(1)).not.toEqual(bytes(2));
  });

  it('names what it does not know and every bad parameter', () => {
    const options = { input: [1, 8, 8], classes: 10 };
    expect(() => buildArchitecture('vgg', options)).toThrow(
      expect.objectContaining({ code: 'unknown-architecture', message: expect.stringContaining('resnet') }),
    );
    const params: Record<string, ParamValue> = { channels: [0], blocks: 1.5, dropout: 1, head: 'max', depth: 3 };
    expect(() => buildArchitecture('resnet', { ...options, params })).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 5 }) }),
    );
    expect(() => buildArchitecture('lenet', { ...options, input: [64] })).toThrow(
      expect.objectContaining({ code: 'bad-options' }),
    );
  });
});
