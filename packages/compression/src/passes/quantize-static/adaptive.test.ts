/** Adaptive rounding, on other samples than those it is done on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Samples } from '@verge/data';
import { decodeModel, float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { decibels, outputWith, randomTensor, shaken } from '../../test-models.js';
import { crops, havePhotos } from '../../test-photos.js';
import { fold } from '../fold/fold.js';
import { quantizeStatic, type QuantizeOptions } from './quantize.js';

const outputOf = outputWith(createSession);
/** Sums that fit 16 bits are the same on every processor. */
const x64 = { arch: 'x64' as const, int8Activation: 'uint8' as const, vnni: false };
const options = { calibration: 'min-max' as const, percentile: 99.99, samples: 64, rounding: 'adaptive' as const };

function noise(shape: readonly number[], seed: number, count = 64): Samples {
  const { data: x } = randomTensor([count, ...shape], seed);
  return { x, shape, y: new Int32Array(count).fill(-1), labels: [], name: 'noise' };
}

describe('adaptive rounding', () => {
  let model: Model;
  const train = noise([1, 8, 8], 5);
  const quantized = async (more: Partial<QuantizeOptions>, signal?: AbortSignal) =>
    quantizeStatic(model, { ...options, ...more }, x64, { createSession, train, validation: train, ...(signal && { signal }) }); // prettier-ignore

  beforeAll(async () => {
    const params = { stem: 8, channels: [16, 24, 24] };
    const built = shaken(buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10, params }));
    ({ model } = await fold(built, createSession));
  });

  it('leaves the outputs on other samples more like the source, in as many bytes', async () => {
    const x = randomTensor([128, 1, 8, 8], 9);
    const expected = await outputOf(model, x);
    const [nearest, adaptive] = [
      await quantized({ rounding: 'nearest', biasCorrection: false }),
      await quantized({ biasCorrection: false }),
    ];
    expect(adaptive.changes).toMatchObject({ narrowedChannels: nearest.changes['narrowedChannels'], clampedBiases: 0 });
    const { adaptedWeights, adaptationsGivenUp, exactWeights } = adaptive.changes;
    expect([adaptedWeights! + adaptationsGivenUp!, exactWeights]).toEqual([nearest.changes['weights'], 0]);
    expect(adaptive.changes['adaptedWeights']).toBeGreaterThan(5);
    const of = async (one: Model): Promise<number> => decibels(expected, await outputOf(one, x));
    expect(await of(adaptive.model)).toBeGreaterThan((await of(nearest.model)) + 1);
  });

  it('can be cancelled, and says how far it is without going back', async () => {
    const abort = new AbortController();
    const told: number[] = [];
    const context = { createSession, train, validation: train, signal: abort.signal };
    const onProgress = (fraction: number): void => {
      told.push(fraction);
      if (fraction > 0.6) abort.abort();
    };
    const running = quantizeStatic(model, options, x64, { ...context, onProgress });
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBeLessThan(0.75);
  });

  it('leaves weights alone that lie on levels already', async () => {
    const g = new GraphBuilder();
    const levels = Float32Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? 1 : -1) * (i % 6 === 0 ? 127 : 3 * i));
    const weight = g.initializer('w', float32([4, 6], levels.map((q) => q * 0.01))); // prettier-ignore
    g.output(g.node('Gemm', [g.input('x', 'float32', ['n', 6]), weight], { transB: int(1) }), 'float32', ['n', 4]);
    const own = noise([6], 4, 8);
    const { changes } = await quantizeStatic(g.build(), options, x64, { createSession, train: own, validation: own });
    expect(changes).toMatchObject({ adaptedWeights: 0, adaptationsGivenUp: 0, exactWeights: 1 });
  });

  it('leaves outputs with thousands of weights to the nearest levels, and says so', async () => {
    const g = new GraphBuilder();
    const weight = g.initializer('w', float32([2, 2700], randomTensor([2, 2700], 3).data));
    const y = g.node('Gemm', [g.input('x', 'float32', ['n', 2700]), weight], { transB: int(1) }, 1, { name: 'long' });
    g.output(y, 'float32', ['n', 2]);
    const own = noise([2700], 4, 8);
    const { declined, changes } = await quantizeStatic(g.build(), options, x64, { createSession, train: own, validation: own }); // prettier-ignore
    expect(declined).toEqual([
      { node: 'long', reason: expect.stringContaining('an output has 2700 of them') as string },
    ]);
    expect(changes).toMatchObject({ adaptedWeights: 0, adaptationsGivenUp: 0 });
  });
});

const resnet8 = join(process.env.VERGE_DATA ?? '', 'mlperf-tiny/ic/resnet8_cifar10_fp32.onnx');

it.skipIf(!havePhotos || !existsSync(resnet8) || !process.env['VERGE_TEST_FULL'])(
  'brings ResNet8 more than three decibels nearer on photographs that it has not seen, where no bias is corrected (full tests, skipped without VERGE_DATA)',
  async () => {
    const { model } = await fold(decodeModel(readFileSync(resnet8)), createSession);
    const { nodes, outputs } = model.graph;
    // The scores before the Softmax.
    for (let op = ''; op !== 'Softmax';) {
      const last = nodes.findIndex((n) => n.outputs[0] === outputs[0]!.name);
      outputs[0] = { ...outputs[0]!, name: nodes[last]!.inputs[0]! };
      ({ op } = nodes.splice(last, 1)[0]!);
    }
    const train = await crops(0, 64, 32, 1);
    const x = float32([64, 3, 32, 32], (await crops(1, 64, 32, 1)).x as Float32Array);
    const expected = await outputOf(model, x);
    const likeness = async (rounding: 'nearest' | 'adaptive'): Promise<number> => {
      const made = await quantizeStatic(model, { ...options, rounding, biasCorrection: false }, x64, { createSession, train, validation: train }); // prettier-ignore
      return decibels(expected, await outputOf(made.model, x));
    };
    expect(await likeness('adaptive')).toBeGreaterThan((await likeness('nearest')) + 3);
  },
);
