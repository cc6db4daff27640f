/** A compression whose weights lie on a disk gives what one in memory gives, byte for byte. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadDigits, splitSamples } from '@verge/data';
import { decodeModel, encodeModel, isLazy } from '@verge/onnx';
import { benchmarkModels, createSession, openScratch } from '@verge/runtime';
import { buildArchitecture, fit } from '@verge/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compress, compressModel } from './compress.js';

const digits = fileURLToPath(new URL('../../../datasets/digits/', import.meta.url));
const data = splitSamples(await loadDigits(digits));
let folder: string;
let model: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'held-'));
  // Its weights are of 64 KiB and more, as those that go to the disk.
  const network = buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [256, 256] } });
  const trained = await fit({
    ...{ model: network, createSession, train: data.train, validation: data.validation, epochs: 2 },
    optimizer: { name: 'adamw', learningRate: 0.003 },
  });
  model = trained.bytes;
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const tuned = { fineTune: { epochs: 1 } };
const cases: [string, object[]][] = [
  ['fold', [{ pass: 'fold' }]],
  ['prune-weights', [{ pass: 'prune-weights', ratio: 0.5, ...tuned }]],
  ['prune-filters', [{ pass: 'prune-filters', ratio: 0.5, ...tuned }]],
  ['decompose', [{ pass: 'decompose', rank: { by: 'ratio', ratio: 2 }, ...tuned }]],
  ['codebook', [{ pass: 'codebook', fineTune: { epochs: 0 } }]],
  ['float16', [{ pass: 'float16' }]],
  ['quantize-weights', [{ pass: 'quantize-weights' }]],
  ['quantize-dynamic', [{ pass: 'quantize-dynamic' }]],
  ['smooth and quantize-static', [{ pass: 'smooth', samples: 32 }, { pass: 'quantize-static', samples: 32 }]], // prettier-ignore
  ['quantize-aware', [{ pass: 'quantize-aware', fineTune: { epochs: 1 } }]],
];

it.each(cases)('%s', async (name, passes) => {
  const common = {
    ...{ data, createSession, target: { name: 'any', vnni: true }, recipe: { name: 'any', passes } },
    benchmark: (models: readonly (Uint8Array | string)[]) => benchmarkModels(models, { runs: 2, rounds: 1, warmup: 0, minRoundMs: 0 }), // prettier-ignore
  };
  const plain = await compress({ ...common, model });
  const scratch = openScratch(join(folder, name), 0);
  try {
    const given = { bytes: model.byteLength, read: () => Promise.resolve(decodeModel(model)) };
    const apart = await compressModel({ ...common, model: given, scratch });
    expect((await readdir(scratch.folder)).length).toBeGreaterThan(0);
    expect(Buffer.compare(encodeModel(apart.model), plain.model)).toBe(0);
    const untimed = ({ seconds: _, ...pass }: { seconds: number }): object => pass;
    expect(apart.report.passes.map(untimed)).toEqual(plain.report.passes.map(untimed));
    for (const side of ['before', 'after'] as const) {
      const { bytes, parameters, quality, fidelity } = plain.report[side];
      expect(apart.report[side]).toMatchObject({ bytes, parameters, quality, ...(fidelity && { fidelity }) });
    }
    const lazy = [...apart.model.graph.initializers.values()].filter(({ value }) => isLazy(value));
    if (name === 'fold') expect(lazy.length).toBe(2);
  } finally {
    scratch.close();
  }
});
