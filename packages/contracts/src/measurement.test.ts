import { describe, expect, it } from 'vitest';
import { ArtifactManifest } from './manifest.js';
import { Measurement, withoutQuality } from './measurement.js';
import { Budget, CompressionReport, Recipe } from './recipe.js';

/** As releases before quality wrote them. */
const earlier = {
  ...{ bytes: 100, parameters: 10, macs: 20, accuracy: 0.98, samples: 359, p50Ms: 0.1, p95Ms: 0.2 },
  ...{ peakRssBytes: 1000, threads: 1, runs: 200, machine: 'a processor' },
};
const target = { name: 'gateway', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true };

describe('documents of earlier releases', () => {
  it('are read as they are', () => {
    expect(Measurement.parse(earlier)).toEqual(earlier);
    const report = {
      ...{ schema: 'verge.compression-report/1', recipe: 'int8', target, before: earlier, after: earlier },
      ...{ passes: [], offered: true, reasons: [] },
    };
    expect(CompressionReport.parse(report)).toEqual(report);
    const budget = { maxAccuracyDropPoints: 1, maxLatencyRatio: 1, maxSizeRatio: 1 };
    expect(Budget.parse({})).toEqual(budget);
    // A recipe that says nothing new is the same document for earlier releases.
    expect(Object.keys(Recipe.parse({ name: 'a', passes: [{ pass: 'fold' }] }).budget)).toEqual(Object.keys(budget));
  });

  it('and those of later ones without what is not known', () => {
    expect(Measurement.parse({ ...earlier, energyJoules: 3 })).toEqual(earlier);
  });
});

it('a manifest says of a classifier what devices of earlier releases know, and no more', () => {
  const quality = {
    ...{ output: 'y', task: 'classification', metric: 'accuracy', value: 0.98, higherIsBetter: true, samples: 359 },
    ...{ interval: null, baseline: 0.1 },
  };
  const now = Measurement.parse({ ...earlier, quality: [quality], fidelity: [], notes: ['a note'] });
  expect(withoutQuality(now)).toEqual(earlier);
  expect(ArtifactManifest.shape.measurement.parse(withoutQuality(now))).toEqual(earlier);
});

it('a budget refuses a word that is misspelt', () => {
  expect(Budget.safeParse({ minAgrement: 0.9 }).success).toBe(false);
  expect(Budget.parse({ minAgreement: null, minSqnrDb: 20 })).toMatchObject({ minAgreement: null, minSqnrDb: 20 });
});
