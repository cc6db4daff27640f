/** A compress job without a recipe: searched, stopped, taken up by another worker, and ended in an artifact or in none. */
import { offerOf, search } from '@verge/compression';
import {
  ArtifactManifest,
  type CompressJob,
  datasetText,
  DeviceClass,
  JobResult,
  type SearchReport,
  SearchRequest,
  type SearchResult,
} from '@verge/contracts';
import { encodeNpz, loadDigits, openDataset, splitSamples } from '@verge/data';
import { encodeModel } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestDeployment, until } from './test-deployment.js';

const digitsFolder = fileURLToPath(new URL('../../../datasets/digits/', import.meta.url));
// Of another architecture, so that no time of this machine decides.
const target = DeviceClass.parse(
  process.arch === 'arm64' ? { name: 'edge' } : { name: 'edge', arch: 'arm64', int8Activation: 'int8', vnni: false },
);

let deployment: TestDeployment;
let folder: string;
let npz: Uint8Array;
const model = encodeModel(buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }, 3));

beforeAll(async () => {
  deployment = await TestDeployment.open('postgres', 0);
  folder = await mkdtemp(join(tmpdir(), 'verge-search-'));
  // Without labels nothing is tuned, which takes seconds.
  const { x, y, shape } = await loadDigits(digitsFolder);
  const [rows, size] = [300, x.length / y.length];
  npz = encodeNpz([
    ['x', { dtype: 'float32', dims: [rows, ...shape], data: Float32Array.from(x.slice(0, rows * size)) }],
  ]);
  await writeFile(join(folder, 'digits.npz'), npz);
});
afterAll(async () => {
  await deployment.close();
  await rm(folder, { recursive: true, force: true });
});

async function searchJob(budget: object): Promise<CompressJob & { search: SearchRequest }> {
  const files = [{ path: 'digits.npz', ...(await deployment.blobs.put(npz)) }];
  const { digest } = await deployment.blobs.put(new TextEncoder().encode(datasetText(files)));
  const stored = await deployment.blobs.put(model);
  const labels = Array.from({ length: 10 }, (_, i) => String(i));
  const id = crypto.randomUUID();
  return {
    ...{ id, projectId: crypto.randomUUID(), cancelRequested: false, kind: 'compress', training: null, target },
    source: {
      ...{ id, model: 'digits', version: 1, task: 'classification', digest: stored.digest },
      ...{ labels, preprocess: null, ports: {} },
    },
    dataset: { id, name: 'digits', format: 'npz', digest, labels: [], preprocess: null, split: 'random-80-10-10' },
    search: SearchRequest.parse({ budget }),
  };
}

/** All that was found but for times. */
const found = ({ best, variants }: SearchReport) => ({
  best,
  variants: variants.map(({ id, verdict, points, divergence, bytes, macs }) => ({
    ...{ id, verdict, points, divergence, bytes, macs },
  })),
});

it.runIf(process.env['VERGE_TEST_FULL'] !== undefined)(
  'ends with the same front and artifact after kill -9 as a search that nobody stopped',
  async () => {
    const job = await searchJob({ maxDropPoints: 5 });
    const first = await deployment.process('first');
    await deployment.add(job);
    await until(async () => ((await deployment.progress(job.id))?.checkpoint?.epoch ?? 0) >= 6, 'six variants');
    const progress = await deployment.progress(job.id);
    expect(progress?.search?.tried).toBeGreaterThanOrEqual(5);
    expect(progress?.search?.front.length).toBeGreaterThan(0);
    await first.stop('SIGKILL');
    const second = await deployment.process('second');
    const result = JobResult.parse(await deployment.result(job.id)) as SearchResult;
    expect(second.log()).toContain('resuming from the last checkpoint');
    expect(result.search.resumed).toBeGreaterThanOrEqual(6);

    const all = await openDataset(join(folder, 'digits.npz'), { name: 'digits', format: 'npz' });
    const data = splitSamples(all, job.dataset.split);
    const common = { createSession, benchmark: benchmarkModels, task: 'classification' as const };
    const whole = await search({ model, budget: job.search.budget, target, data, ...common });
    expect(found(result.search)).toEqual(found(whole.report));

    const { artifact } = result;
    const manifest = ArtifactManifest.parse(
      JSON.parse(Buffer.from(await deployment.blobs.read(artifact!.manifest.digest)).toString()),
    );
    expect(manifest).toMatchObject({ model: 'digits', version: 1, deviceClass: 'edge' });
    expect(Buffer.from(await deployment.blobs.read(manifest.files[0]!.digest))).toEqual(Buffer.from(whole.model!));
    expect(artifact!.report).toMatchObject({ offered: true, reasons: [], recipe: offerOf(whole.report)!.recipe.name });
    await second.stop('SIGTERM');
  },
  120_000,
);

it('makes no artifact where no variant keeps to the budget, and stops when it is cancelled', async () => {
  const worker = await deployment.worker();
  const impossible = await searchJob({ maxBytes: 100, maxSeconds: 0.5 });
  const { search: report, artifact } = JobResult.parse(
    await deployment.result(await deployment.add(impossible)),
  ) as SearchResult;
  expect([report.best, artifact]).toEqual([null, null]);
  expect(report.notes.join()).toMatch(/no variant keeps to the budget; the nearest is '.+', \d+ bytes: /);

  const job = await searchJob({ maxDropPoints: 5 });
  await deployment.add(job);
  await until(async () => ((await deployment.progress(job.id))?.checkpoint?.epoch ?? 0) >= 1, 'a variant');
  await deployment.cancel(job.id);
  expect(await deployment.result(job.id)).toEqual({ kind: 'cancelled' });
  await worker.close();
}, 60_000);
