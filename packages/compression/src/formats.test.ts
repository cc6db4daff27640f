/** Each number format as a recipe's pass, from the file to the report, on networks that were trained. */
import { fileURLToPath } from 'node:url';
import { loadDigits, splitSamples } from '@verge/data';
import { encodeModel } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { buildArchitecture, fit } from '@verge/training';
import { expect, it } from 'vitest';
import { compress } from './compress.js';

const digits = fileURLToPath(new URL('../../../datasets/digits/', import.meta.url));
const data = splitSamples(await loadDigits(digits));
const { model } = await fit({
  ...{ model: buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [128, 128] } }), createSession },
  ...{ train: data.train, validation: data.validation, epochs: 6 },
  optimizer: { name: 'adamw', learningRate: 0.003 },
}); // prettier-ignore

const budget = {
  maxAccuracyDropPoints: 1,
  maxLatencyRatio: 1000,
  maxSizeRatio: 1,
  minAgreement: 0.97,
  minSqnrDb: null,
};
const smooth = { pass: 'smooth', alpha: 0.5, samples: 32 };
it.each([
  ['float16 of weights', [{ pass: 'float16' }], 0.55],
  ['float16 of everything', [{ pass: 'float16', mode: 'all', samples: 32 }], 0.55],
  ['dynamic int8', [{ pass: 'quantize-dynamic' }], 0.35],
  ['dynamic int8 with one scale', [{ pass: 'quantize-dynamic', scale: 'tensor' }], 0.35],
  ['blocks of 4 bits', [{ pass: 'quantize-weights' }], 0.25],
  ['blocks of 8 bits', [{ pass: 'quantize-weights', bits: 8, blockSize: 64, symmetric: true, scale: 'range', accuracyLevel: 1 }], 0.35], // prettier-ignore
  ['static int8, smoothed before', [{ pass: 'quantize-static', samples: 64 }, smooth], 0.4],
])('%s', async (_, passes, share) => {
  const { model: bytes, report } = await compress({
    ...{ model: encodeModel(model), recipe: { name: 'format', passes, budget }, target: { name: 'any', vnni: true } },
    ...{ data, createSession, benchmark: (models, o) => benchmarkModels(models, { ...o, runs: 10 }) },
  });
  expect([report.reasons, report.offered]).toEqual([[], true]);
  expect(bytes.byteLength).toBeLessThan(share * encodeModel(model).byteLength);
  expect(report.passes).toHaveLength(passes.length);
  if (passes.length > 1) expect(report.passes[0]!.notes![0]).toMatch(/ran before 'quantize-static'/);
  for (const pass of report.passes) expect(Object.values(pass.changes).every((n) => n >= 0)).toBe(true);
});
