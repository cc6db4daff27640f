/** Sensitivities from 64 samples against those of others, on a network that was trained. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeModel } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { studySensitivity } from '../../study/sensitivity.js';
import { crops, havePhotos } from '../../test-photos.js';
import { fold } from '../fold/fold.js';
import { quantizeStatic } from './quantize.js';
import { unitSensitivity } from './sensitivity.js';

const target = { arch: 'x64', int8Activation: 'uint8', vnni: true } as const;

/** Spearman's rank correlation: Pearson's of the ranks; no two values are equal. */
function spearman(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]): number[] => {
    const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
    const rank = new Array<number>(values.length);
    order.forEach((i, r) => (rank[i] = r));
    return rank;
  };
  const [x, y] = [ranks(a), ranks(b)];
  const n = a.length;
  const squares = x.reduce((sum, r, i) => sum + (r - y[i]!) ** 2, 0);
  return 1 - (6 * squares) / (n * (n * n - 1));
}

it('ranks as a naive count does', () => {
  expect(spearman([1, 2, 3, 4], [10, 20, 30, 40])).toBe(1);
  expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
});

const folder = join(process.env['VERGE_DATA'] ?? '', 'mlperf-tiny');
const full = process.env['VERGE_TEST_FULL'] === '1';

/** Networks with the size of their images and what a pixel of 255 becomes; the larger one takes a minute. */
const networks = [
  { file: 'ic/resnet8_cifar10_fp32', size: 32, scale: 1, held: 256 },
  ...(full ? [{ file: 'vww/vww_mobilenetv1_025_96_fp32', size: 96, scale: 1 / 255, held: 160 }] : []),
];
const cases = networks.flatMap((network) =>
  (['int8', 'int4'] as const).map((precision) => ({ ...network, precision })),
);

describe.skipIf(!havePhotos)('sensitivity of units (skipped without VERGE_DATA)', () => {
  it.each(cases)('ranks $precision units of $file as held-out photographs do', { timeout: 120_000 }, async (c) => {
    const { model } = await fold(decodeModel(readFileSync(join(folder, `${c.file}.onnx`))), createSession);
    const [calibration, held] = [await crops(0, 64, c.size, c.scale), await crops(1, c.held, c.size, c.scale)];
    const fractions: number[] = [];
    const how = { precision: c.precision, treat: 'alone', target, createSession, calibration } as const;
    const found = await unitSensitivity(model, calibration, { ...how, onProgress: (f) => fractions.push(f) });
    const truth = await unitSensitivity(model, held, how);
    expect(found.map((u) => u.unit)).toEqual(truth.map((u) => u.unit));
    const agreed = spearman(
      found.map((u) => u.rank),
      truth.map((u) => u.divergence),
    );
    expect(agreed).toBeGreaterThanOrEqual(0.95);
    expect(fractions).toEqual([...fractions].sort((x, y) => x - y));
    expect(fractions.at(-1)).toBe(1);
  });

  it('of all units but one is that of the model in which it stays float32', async () => {
    const { model } = await fold(decodeModel(readFileSync(join(folder, `${networks[0]!.file}.onnx`))), createSession);
    const photos = await crops(0, 48, 32, 1);
    // A quantiser narrows weights for every class; what ranks units does so only where the class asks for it.
    const narrow = { ...target, vnni: false };
    const how = { precision: 'int8', target: narrow, createSession } as const;
    const [first] = await unitSensitivity(model, photos, { ...how, treat: 'others' });
    const options = { calibration: 'min-max' as const, percentile: 100, samples: 48, biasCorrection: false };
    const context = { createSession, train: photos, validation: photos };
    const made = await quantizeStatic(model, { ...options, keep: [first!.unit] }, narrow, context);
    const [expected] = await studySensitivity(model, [{ unit: '', make: () => made.model }], photos, how);
    expect(first!.divergence).toBeGreaterThan(0);
    expect(Math.abs(first!.divergence / expected!.divergence - 1)).toBeLessThan(1e-3);
    const stop = new AbortController();
    const run = unitSensitivity(model, photos, {
      ...{ ...how, treat: 'alone', signal: stop.signal },
      onProgress: () => stop.abort(),
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    const none = { ...photos, x: new Float32Array(0), y: new Int32Array(0) };
    await expect(unitSensitivity(model, none, { ...how, treat: 'alone' })).rejects.toMatchObject({
      code: 'bad-samples',
    });
  });
});
