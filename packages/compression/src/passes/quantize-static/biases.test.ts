/** What becomes of biases: they fit int32, and they take back what quantization does to the means of channels. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { decodeModel, float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { largestDifference, outputWith, randomTensor, shaken } from '../../test-models.js';
import { fold } from '../fold/fold.js';
import { quantizeStatic } from './quantize.js';

const outputOf = outputWith(createSession);
/** Sums that fit 16 bits are the same on every processor. */
const x64 = { arch: 'x64' as const, int8Activation: 'uint8' as const, vnni: false };
const options = { calibration: 'min-max' as const, percentile: 99.99, samples: 64 };

function noise(shape: readonly number[], seed: number, count = 64): Samples {
  return {
    x: randomTensor([count, ...shape], seed).data,
    shape,
    y: new Int32Array(count),
    labels: ['0'],
    name: 'noise',
  };
}

/** Signal-to-noise ratio in decibels. */
function decibels(expected: Float32Array, got: Float32Array): number {
  const power = (values: Float32Array): number => values.reduce((sum, v) => sum + v * v, 0);
  return 10 * Math.log10(power(expected) / power(expected.map((v, i) => v - got[i]!)));
}

/** int32 constants at the ends of what they hold. */
function atTheEnds({ graph }: Model): number {
  const biases = [...graph.initializers.values()].flatMap(({ value }) =>
    'data' in value && value.dtype === 'int32' ? [...value.data] : [],
  );
  return biases.filter((b) => Math.abs(b) >= 2 ** 31 - 1).length;
}

/** Two layers that share a weight whose second channel is all but dead, with biases of their own. */
function nearlyDead(): Model {
  const b = new GraphBuilder();
  const weight = randomTensor([3, 3, 3, 3], 4).data.map((w, i) => (Math.floor(i / 27) === 1 ? w * 1e-13 : w));
  const shared = b.initializer('w', float32([3, 3, 3, 3], weight));
  const layer = (x: string, name: string, bias: number[]): string =>
    b.node('Conv', [x, shared, b.initializer(name, float32([3], Float32Array.from(bias)))]);
  const y = layer(
    b.node('Relu', [layer(b.input('x', 'float32', ['N', 3, 8, 8]), 'b', [0.1, 0.7, -0.2])]),
    'c',
    [1, 3, 1],
  );
  b.output(b.node('GlobalAveragePool', [y]), 'float32', ['N', 3, 1, 1]);
  return b.build();
}

describe('biases', () => {
  it('of channels whose weights are all but zero fit int32, also where layers share the weight', async () => {
    const model = nearlyDead();
    const train = noise([3, 8, 8], 5);
    const context = { createSession, train, validation: train };
    const { model: quantized, changes } = await quantizeStatic(
      model,
      { ...options, biasCorrection: false },
      x64,
      context,
    );
    expect(changes).toMatchObject({ widenedChannels: 1, clampedBiases: 0 });
    expect(atTheEnds(quantized)).toBe(0);
    const x = randomTensor([8, 3, 8, 8], 9);
    const [expected, got] = [await outputOf(model, x), await outputOf(quantized, x)];
    const spread = Math.max(...expected) - Math.min(...expected);
    // Roundings; the bias of the second channel is 3, and was next to nothing when it was clamped.
    expect(largestDifference(expected, got)).toBeLessThan(0.04 * spread);
  });

  it('take back the shift of the means, which the outputs of other samples show', async () => {
    const params = { stem: 8, channels: [16, 24, 24] };
    const built = shaken(buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10, params }));
    const { model } = await fold(built, createSession);
    const train = noise([1, 8, 8], 5);
    const context = { createSession, train, validation: train };
    const x = randomTensor([128, 1, 8, 8], 9);
    const expected = await outputOf(model, x);
    const without = await quantizeStatic(model, { ...options, biasCorrection: false }, x64, context);
    const corrected = await quantizeStatic(model, options, x64, context);
    expect(corrected.changes['correctedChannels']).toBeGreaterThan(0);
    const [before, after] = [
      decibels(expected, await outputOf(without.model, x)),
      decibels(expected, await outputOf(corrected.model, x)),
    ];
    expect(after).toBeGreaterThan(before + 1);
    // What the report says is measured on the calibration samples.
    const seen = float32([64, 1, 8, 8], train.x as Float32Array);
    const [source, now] = [await outputOf(model, seen), await outputOf(corrected.model, seen)];
    expect(corrected.changes['outputDecibels']).toBeCloseTo(decibels(source, now), 1);
  });

  it('stay where what a few samples have in common is no shift: other samples would be the worse for it', async () => {
    const b = new GraphBuilder();
    const dense = (x: string, name: string, size: number): string =>
      b.node('Gemm', [x, b.initializer(name, randomTensor([size, 64], size)), b.initializer(`${name}.b`, randomTensor([size], 2))], { transB: int(1) }); // prettier-ignore
    b.output(dense(b.node('Relu', [dense(b.input('x', 'float32', ['N', 64]), 'w', 64)]), 'v', 32), 'float32', null);
    const train = noise([64], 5, 8);
    const context = { createSession, train, validation: train };
    const { changes } = await quantizeStatic(b.build(), options, x64, context);
    expect(changes).toMatchObject({ correctedChannels: 0, correctionGivenUp: 1 });
  });
});

const vww = join(process.env.VERGE_DATA ?? '', 'mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx');

it.skipIf(!existsSync(vww))(
  'no bias of the network for visual wake words is clamped, of which 971 channels are all but dead (skipped without VERGE_DATA)',
  async () => {
    const { model } = await fold(decodeModel(readFileSync(vww)), createSession);
    const train = noise([3, 96, 96], 5, 4);
    const context = { createSession, train, validation: train };
    const { model: quantized, changes } = await quantizeStatic(
      model,
      { ...options, biasCorrection: false },
      x64,
      context,
    );
    expect(changes['widenedChannels']).toBeGreaterThan(900);
    expect([changes['clampedBiases'], atTheEnds(quantized)]).toEqual([0, 0]);
  },
);
