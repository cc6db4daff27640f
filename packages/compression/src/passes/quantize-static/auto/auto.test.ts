/** Precision unit by unit: by time where it is measured, by quality everywhere. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { assertLegal, decodeModel, encodeModel, type Model } from '@verge/onnx';
import { benchmarkModels, createSession, profileKernels } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { largestDifference, outputWith, randomTensor, shaken } from '../../../test-models.js';
import { studySensitivity } from '../../../study/sensitivity.js';
import { crops, havePhotos } from '../../../test-photos.js';
import type { PassContext } from '../../pass.js';
import { fold } from '../../fold/fold.js';
import { quantizeStatic } from '../quantize.js';

const outputOf = outputWith(createSession);
const options = { calibration: 'min-max' as const, percentile: 99.99, samples: 64, precision: 'auto' as const };
const here = { arch: process.arch as 'x64' | 'arm64', int8Activation: 'uint8' as const, vnni: true, threads: 1 };
const elsewhere = { ...here, arch: process.arch === 'arm64' ? ('x64' as const) : ('arm64' as const) };

const train: Samples = {
  x: randomTensor([64, 1, 8, 8], 5).data,
  shape: [1, 8, 8],
  y: new Int32Array(64),
  labels: [],
  name: 'noise',
};
const context: PassContext = { createSession, train, validation: train };

async function network(): Promise<Model> {
  const params = { stem: 8, channels: [16, 24, 24] };
  const built = buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10, params });
  return (await fold(shaken(built), createSession)).model;
}

describe('precision by unit', () => {
  it('without a measured time leaves in float32 what costs the outputs most, and says so', async () => {
    const model = await network();
    const loose = await quantizeStatic(model, { ...options, maxDivergence: 1e6 }, elsewhere, context);
    expect(loose.units!.every((unit) => unit.precision === 'int8' && unit.int8Ms === null)).toBe(true);
    expect(loose.notes).toEqual([expect.stringMatching(/latency is to be measured on the device/)]);
    const whole = [{ unit: '', make: () => loose.model }];
    const [all] = await studySensitivity(model, whole, train, { createSession });
    const allowed = 0.3 * all!.divergence;
    const strict = await quantizeStatic(model, { ...options, maxDivergence: allowed }, elsewhere, context);
    const kept = strict.units!.filter((unit) => unit.precision === 'float32');
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(strict.units!.length);
    const worst = [...strict.units!].sort((a, b) => b.divergence! - a.divergence!)[0]!;
    expect(kept.map((unit) => unit.node)).toContain(worst.node);
    const mixed = [{ unit: '', make: () => strict.model }];
    const [less] = await studySensitivity(model, mixed, train, { createSession });
    expect(less!.divergence).toBeLessThanOrEqual(allowed);
    expect(kept[0]!.reason).toBe('int8 here costs more quality than is allowed');
    assertLegal(strict.model);
    const x = randomTensor([16, 1, 8, 8], 9);
    const expected = await outputOf(model, x);
    const spread = Math.max(...expected) - Math.min(...expected);
    expect(largestDifference(expected, await outputOf(strict.model, x))).toBeLessThan(0.05 * spread);
  });

  it('keeps what the recipe names in float32, and refuses names that are not there', async () => {
    const model = await network();
    const [first] = model.graph.nodes.filter((n) => n.op === 'Conv');
    const how = { ...options, precision: 'int8' as const };
    const { model: mixed, declined } = await quantizeStatic(model, { ...how, keep: [first!.name] }, here, context);
    const conv = mixed.graph.nodes.find((n) => n.name === first!.name)!;
    expect(mixed.graph.initializers.get(conv.inputs[1]!)?.value.dtype).toBe('float32');
    const x = randomTensor([16, 1, 8, 8], 9);
    const expected = await outputOf(model, x);
    const spread = Math.max(...expected) - Math.min(...expected);
    expect(largestDifference(expected, await outputOf(mixed, x))).toBeLessThan(0.08 * spread);
    const relu = model.graph.nodes.find((n) => n.op === 'Relu')!;
    const reluName = relu.name || `Relu:${relu.outputs[0]}`;
    const wrong = quantizeStatic(model, { ...how, keep: ['nowhere', reluName] }, here, context);
    await expect(wrong).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: ["keep: there is no node 'nowhere'", expect.stringMatching(/\(Relu\) has no weights, and follows/)],
    });
    expect(declined).toContainEqual({ node: first!.name, reason: 'it stays in float32, as told' });
  });
});

it.skipIf(!havePhotos)(
  'with times says both of each unit, and stays near the source (skipped without VERGE_DATA)',
  async () => {
    const file = join(process.env['VERGE_DATA']!, 'mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx');
    const { model } = await fold(decodeModel(readFileSync(file)), createSession);
    const photos = await crops(0, 32, 96, 1 / 255);
    const clock = { benchmark: benchmarkModels, timeKernels: profileKernels };
    const how = { ...context, ...clock, train: photos };
    const { model: mixed, units, notes } = await quantizeStatic(model, options, here, how);
    expect(units!.length).toBeGreaterThan(25);
    for (const unit of units!) {
      expect(unit.int8Ms! > 0 && unit.float32Ms! > 0, unit.node).toBe(true);
      expect(unit.reason).not.toBe('');
    }
    expect(notes!.some((note) => note.startsWith('measured in turns'))).toBe(true);
    // Where no unit is faster in int8, as on a processor without products of 8 bits, all of them stay in float32.
    const smaller = encodeModel(mixed).byteLength < readFileSync(file).byteLength;
    expect(smaller || units!.every(({ precision }) => precision === 'float32')).toBe(true);
    const x = { dtype: 'float32' as const, dims: [32, 3, 96, 96], data: photos.x as Float32Array };
    const [expected, got] = [await outputOf(model, x), await outputOf(mixed, x)];
    expect(largestDifference(expected, got)).toBeLessThan(0.25);
  },
  120_000,
);
