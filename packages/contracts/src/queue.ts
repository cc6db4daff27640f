/**
 * The job queue: names, payloads, progress and results. The control plane adds jobs and is the only writer of `data`;
 * the worker is the only writer of `progress` and of the return value. Both ends parse.
 *
 * Cancellation: the control plane sets `cancelRequested` in the data; a worker looks at least once a second.
 * A queue that lost the job (Redis flushed or begun anew) gets it again from the control plane, under the same id, with
 * its progress.
 * Resume: the progress carries the last checkpoint's digest; a worker that gets the job again goes on from there.
 */
import { z } from 'zod';
import { DatasetFormat } from './dataset-format.js';
import { Digest, Id, Slug } from './identifiers.js';
import { ArtifactFile, Task, TensorSpec } from './manifest.js';
import { Accuracy, DeviceClass, Measurement } from './measurement.js';
import { ModelPorts } from './ports.js';
import { Preprocess } from './preprocess.js';
import { CompressionReport, Recipe } from './recipe.js';
import { SearchReport, SearchRequest, SearchState } from './search.js';
import { TrainingConfig, TrainingPoint } from './training-config.js';
import { TrainingReport } from './training-report.js';

export const QUEUE_NAME = 'verge-jobs';
/** Key prefix of the queue in Redis. */
export const QUEUE_PREFIX = 'verge';

export const BlobRef = z.strictObject({ digest: Digest, bytes: z.int().min(0) });
export type BlobRef = z.infer<typeof BlobRef>;

export const DatasetFile = z
  .strictObject({ path: z.string().min(1).max(255), digest: Digest, bytes: z.int().min(0) })
  .meta({ id: 'DatasetFile' });
export type DatasetFile = z.infer<typeof DatasetFile>;

/**
 * What a data set is, as text: one line a file, sorted by path: `<digest> <bytes> <path>\n`. Its sha256 is the data set's
 * digest, in the catalog and in provenance; two data sets of the same files have the same one, whatever they are called.
 */
export function datasetText(files: readonly DatasetFile[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return sorted.map((f) => `${f.digest} ${f.bytes} ${f.path}\n`).join('');
}

/**
 * The files that such a text lists.
 * @throws Error naming the first line that `datasetText` would not have written
 */
export function parseDatasetText(text: string): DatasetFile[] {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length === 0) throw new Error('expected lines, each with an end');
  let before = '';
  return lines.map((line, i) => {
    const [digest = '', bytes = '', ...path] = line.split(' ');
    const parsed = DatasetFile.safeParse({
      digest,
      bytes: /^(0|[1-9]\d*)$/.test(bytes) ? Number(bytes) : NaN,
      path: path.join(' '),
    });
    if (!parsed.success) throw new Error(`line ${i + 1}: expected '<digest> <bytes> <path>'`);
    if (i > 0 && parsed.data.path <= before) throw new Error(`line ${i + 1}: expected paths in order, each once`);
    before = parsed.data.path;
    return parsed.data;
  });
}

/** A data set as a job sees it. Which files it has is in the blob of its digest (`datasetText`): there may be many. */
export const DatasetRef = z.strictObject({
  id: Id,
  name: Slug,
  format: DatasetFormat,
  digest: Digest,
  labels: z.array(z.string()),
  preprocess: Preprocess.nullable(),
  split: Slug,
});
export type DatasetRef = z.infer<typeof DatasetRef>;

/** A model version as a job sees it. */
export const VersionRef = z.strictObject({
  id: Id,
  model: Slug,
  version: z.int().min(1),
  task: Task,
  digest: Digest,
  labels: z.array(z.string()),
  preprocess: Preprocess.nullable(),
  ports: ModelPorts.default({}),
});
export type VersionRef = z.infer<typeof VersionRef>;

const jobBase = {
  id: Id,
  projectId: Id,
  cancelRequested: z.boolean().default(false),
  attemptsBefore: z
    .int()
    .min(1)
    .optional()
    .describe('Attempts that began before the queue lost the job and got it again. Absent: it never did.'),
};

export const TrainJob = z.strictObject({
  ...jobBase,
  kind: z.literal('train'),
  model: Slug,
  dataset: DatasetRef,
  config: TrainingConfig,
  teacher: VersionRef.nullable(),
});
export type TrainJob = z.infer<typeof TrainJob>;

export const CompressJob = z
  .strictObject({
    ...jobBase,
    kind: z.literal('compress'),
    source: VersionRef,
    training: z
      .strictObject({ id: Id, config: TrainingConfig })
      .nullable()
      .describe('the training that made the source, for the provenance'),
    dataset: DatasetRef,
    recipe: Recipe.optional().describe('what is carried out; absent where it is searched for'),
    search: SearchRequest.optional().describe('what a search must keep to; absent where a recipe says what to do'),
    target: DeviceClass,
  })
  .refine(({ recipe, search }) => (recipe === undefined) !== (search === undefined), {
    message: 'expected either a recipe or a search',
  });
export type CompressJob = z.infer<typeof CompressJob>;

export const EvaluateJob = z.strictObject({
  ...jobBase,
  kind: z.literal('evaluate'),
  source: VersionRef,
  dataset: DatasetRef,
  threads: z.int().min(1).default(1),
});
export type EvaluateJob = z.infer<typeof EvaluateJob>;

export const Job = z.discriminatedUnion('kind', [TrainJob, CompressJob, EvaluateJob]);
export type Job = z.infer<typeof Job>;
export type JobKind = Job['kind'];

/**
 * One shard's steps in a round of local SGD: a child of the training's job in the queue. The worker that has the training
 * adds it, any worker runs it, and the training goes on when all children of the round are there. Nobody else sees it: the
 * control plane knows the training alone, and a cancellation is asked for in the training's data.
 */
export const TrainShardJob = z.strictObject({
  kind: z.literal('train-shard'),
  training: Id.describe("the id of the training's job"),
  dataset: DatasetRef,
  config: TrainingConfig,
  round: z.int().min(0).describe('counted from 0, like shard'),
  shard: z.int().min(0),
  common: Digest.describe('the common parameters and running statistics, as vectors'),
  inner: Digest.nullable().describe("the optimiser's state that the shard ended its last round with"),
});
export type TrainShardJob = z.infer<typeof TrainShardJob>;

/** Whatever a worker may find in the queue. */
export const WorkerJob = z.discriminatedUnion('kind', [...Job.options, TrainShardJob]);
export type WorkerJob = z.infer<typeof WorkerJob>;

/** The whole state of a job's progress; each update replaces the last. */
export const JobProgress = z
  .strictObject({
    stage: z.string(),
    fraction: z.number().min(0).max(1).describe('0 to 1 over the whole job'),
    message: z.string().default(''),
    point: TrainingPoint.nullable()
      .default(null)
      .describe('the newest point of a training, or of a fine-tuning inside a compression'),
    checkpoint: z
      .strictObject({ digest: Digest, epoch: z.int().min(0) })
      .nullable()
      .default(null)
      .describe('the last durable checkpoint; of a search its journal, the epoch being the variants in it'),
    search: SearchState.optional().describe('of a search alone'),
    attempt: z.int().min(1).default(1),
  })
  .meta({ id: 'JobProgress' });
export type JobProgress = z.infer<typeof JobProgress>;

export const TrainResult = z.strictObject({
  kind: z.literal('train'),
  model: BlobRef,
  inputs: z.array(TensorSpec),
  outputs: z.array(TensorSpec),
  measurement: Measurement,
  validation: Accuracy,
  test: Accuracy,
  points: z.array(TrainingPoint),
  bestEpoch: z.int().min(1),
  report: TrainingReport.optional().describe('absent from workers of an earlier release'),
  resumedFrom: z.int().min(0).describe('epoch from which a resumed attempt went on; 0 when it never stopped'),
  seconds: z.number(),
});
export type TrainResult = z.infer<typeof TrainResult>;

/** An artifact that a worker has stored. */
const built = { manifest: BlobRef, targetPath: z.string(), files: z.array(ArtifactFile), report: CompressionReport };
export const BuiltArtifact = z.strictObject(built);
export type BuiltArtifact = z.infer<typeof BuiltArtifact>;

export const CompressResult = z.strictObject({ kind: z.literal('compress'), ...built, seconds: z.number() });
export type CompressResult = z.infer<typeof CompressResult>;

/** Of a compression that searched. */
export const SearchResult = z.strictObject({
  kind: z.literal('search'),
  search: SearchReport,
  artifact: BuiltArtifact.nullable().describe('of the best variant; null where none keeps to the budget'),
  seconds: z.number(),
});
export type SearchResult = z.infer<typeof SearchResult>;

export const EvaluateResult = z.strictObject({
  kind: z.literal('evaluate'),
  measurement: Measurement,
  test: Accuracy.optional().describe('where the model classifies'),
  confusion: z.array(z.array(z.int().min(0))).describe('confusion[true class][predicted class] = count'),
  seconds: z.number(),
});
export type EvaluateResult = z.infer<typeof EvaluateResult>;

export const TrainShardResult = z.strictObject({
  kind: z.literal('train-shard'),
  round: z.int().min(0),
  shard: z.int().min(0),
  common: BlobRef,
  inner: BlobRef.nullable().describe('null where optimisers begin anew in every round'),
  sums: z
    .strictObject({ loss: z.number(), correct: z.int().min(0), seen: z.int().min(0) })
    .describe('sums over the steps and their samples'),
  steps: z.int().min(0),
  seconds: z.number(),
});
export type TrainShardResult = z.infer<typeof TrainShardResult>;

/** `{kind:'cancelled'}` is how a worker acknowledges a cancellation: the job completes, without a result. */
export const JobResult = z.discriminatedUnion('kind', [
  TrainResult,
  CompressResult,
  SearchResult,
  EvaluateResult,
  z.strictObject({ kind: z.literal('cancelled') }),
]);
export type JobResult = z.infer<typeof JobResult>;
