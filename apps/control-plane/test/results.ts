/** Results of the form that workers return, with the blobs that they name really stored. */
import type { BlobStore } from '@verge/blobs';
import {
  manifestTargetPath,
  type ArtifactManifest,
  type CompressJob,
  type CompressResult,
  type EvaluateResult,
  type JobProgress,
  type Measurement,
  type SearchResult,
  type TrainingPoint,
  type TrainResult,
} from '@verge/contracts';

const measurement: Measurement = {
  bytes: 4000,
  parameters: 1000,
  macs: 2000,
  accuracy: 0.97,
  samples: 360,
  p50Ms: 0.1,
  p95Ms: 0.2,
  peakRssBytes: 50_000_000,
  threads: 1,
  runs: 100,
  machine: 'test',
};
const accuracy = { samples: 360, accuracy: 0.97, top5: 1 };
const tensor = (name: string, size: number) => [{ name, dtype: 'float32' as const, shape: [-1, size] }];

export const pointAt = (epoch: number, epochs = 3): TrainingPoint => ({
  epoch,
  epochs,
  step: epoch * 10,
  learningRate: 0.1 / epoch,
  trainLoss: 1 / epoch,
  trainAccuracy: 1 - 0.1 / epoch,
  valLoss: 1.1 / epoch,
  valAccuracy: 1 - 0.2 / epoch,
  seconds: epoch,
});

export const progressAt = (epoch: number, epochs = 3): JobProgress => ({
  stage: 'train',
  fraction: epoch / epochs,
  message: `epoch ${epoch}`,
  point: pointAt(epoch, epochs),
  checkpoint: null,
  attempt: 1,
});

export async function trainResult(blobs: BlobStore, content: string): Promise<TrainResult> {
  return {
    kind: 'train',
    model: await blobs.put(Buffer.from(content)),
    inputs: tensor('x', 64),
    outputs: tensor('y', 10),
    measurement,
    validation: accuracy,
    test: accuracy,
    points: [1, 2, 3].map((epoch) => pointAt(epoch)),
    bestEpoch: 3,
    resumedFrom: 0,
    seconds: 3,
  };
}

export async function compressResult(
  blobs: BlobStore,
  job: CompressJob,
  change: Partial<ArtifactManifest> = {},
): Promise<CompressResult> {
  const model = await blobs.put(Buffer.from(`int8 of ${job.source.digest}`));
  const files: ArtifactManifest['files'] = [{ path: 'model.onnx', role: 'model', ...model }];
  const manifest: ArtifactManifest = {
    schema: 'verge.artifact/1',
    model: job.source.model,
    version: job.source.version,
    deviceClass: job.target.name,
    task: 'classification',
    createdAt: '2026-01-01T00:00:00Z',
    files,
    inputs: tensor('x', 64),
    outputs: tensor('y', 10),
    preprocess: null,
    labels: job.source.labels,
    measurement,
    ...change,
  };
  const stored = await blobs.put(Buffer.from(JSON.stringify(manifest)));
  return {
    kind: 'compress',
    manifest: stored,
    targetPath: manifestTargetPath({ ...manifest, digest: stored.digest }),
    files,
    report: {
      schema: 'verge.compression-report/1',
      recipe: job.recipe?.name ?? 'fold-int8',
      target: job.target,
      before: measurement,
      after: { ...measurement, bytes: 1200 },
      passes: [],
      offered: true,
      reasons: [],
    },
    seconds: 1,
  };
}

/** Of a search whose best variant is folded and in int8, or that found none. */
export async function searchResult(blobs: BlobStore, job: CompressJob, best: string | null): Promise<SearchResult> {
  const { kind: _, seconds, ...artifact } = await compressResult(blobs, job);
  const variant = {
    ...{ id: 'fold + int8', passes: [], reason: '', points: 0.3, lossBy: 'accuracy', divergence: 0.01 },
    ...{ bytes: 1200, macs: 2000, seconds: 1, measured: artifact.report.after, changes: [] },
  };
  return {
    kind: 'search',
    search: {
      ...{ schema: 'verge.search-report/1', target: job.target, budget: job.search!.budget, seed: job.search!.seed },
      ...{ seconds: 1, resumed: 0, before: measurement, best, nearest: best ? null : 'fold + int8', notes: [] },
      variants: [{ ...variant, verdict: best ? 'best' : 'over-budget' }],
    },
    artifact: best ? artifact : null,
    seconds,
  };
}

export const evaluateResult: EvaluateResult = {
  kind: 'evaluate',
  measurement,
  test: accuracy,
  confusion: [
    [3, 1],
    [0, 4],
  ],
  seconds: 1,
};
