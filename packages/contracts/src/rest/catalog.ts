/** Blobs, data sets, models and versions. */
import { z } from 'zod';
import { DatasetFormat } from '../dataset-format.js';
import { datasetPathProblems } from '../dataset-path.js';
import { Digest, Id, Instant, Slug } from '../identifiers.js';
import { Task, TensorSpec } from '../manifest.js';
import { Accuracy, Measurement, Quality } from '../measurement.js';
import { ModelPorts } from '../ports.js';
import { Preprocess } from '../preprocess.js';
import { DatasetFile } from '../queue.js';
import { freeText } from '../text.js';
import { Flag, listQuery, page, pagePart, search } from './page.js';
import { route } from './route.js';

export const Blob = z.object({ digest: Digest, bytes: z.int() }).meta({ id: 'Blob' });

export const BlobPart = z
  .object({
    digest: Digest,
    received: z.int().describe('bytes that have arrived'),
    stored: z.boolean().describe('whether the project holds the whole blob'),
  })
  .meta({ id: 'BlobPart' });

export const Dataset = z
  .object({
    id: Id,
    name: Slug,
    description: z.string(),
    format: DatasetFormat,
    fileCount: z.int(),
    digest: Digest.describe('digest of the list of files, which is a blob itself: what provenance names'),
    labels: z.array(z.string()),
    preprocess: Preprocess.nullable(),
    split: Slug,
    source: z.string(),
    license: z.string(),
    bytes: z.int(),
    createdAt: Instant,
  })
  .meta({ id: 'Dataset' });
export type Dataset = z.infer<typeof Dataset>;

/** What a request may name in one go. More files than `files` may hold are registered by their list. */
export const datasetLimits = { files: 10_000, listedFiles: 1_000_000, listBytes: 256 * 1024 * 1024 } as const;

const CreateDataset = z
  .strictObject({
    name: Slug,
    description: freeText(z.string().max(4000)).default(''),
    format: Dataset.shape.format,
    files: z
      .array(DatasetFile)
      .min(1)
      .max(datasetLimits.files)
      .superRefine((files, context) => {
        for (const { index, detail } of datasetPathProblems(files.map((file) => file.path)))
          context.addIssue({ code: 'custom', path: [index, 'path'], message: detail });
      })
      .optional(),
    list: Digest.optional().describe(
      'digest of a blob that lists the files, a line each, sorted by path: <digest> <bytes> <path>',
    ),
    labels: z.array(z.string().max(200)).max(100_000).default([]),
    preprocess: Preprocess.nullable().default(null),
    split: Slug.default('auto'),
    source: z.string().max(2000).default(''),
    license: z.string().max(200).default(''),
  })
  .refine((body) => (body.files === undefined) !== (body.list === undefined), {
    path: ['files'],
    message: 'expected either files or list',
  })
  // The same for readers of the description; a union would make two types of one request.
  .meta({ if: { required: ['files'] }, then: { not: { required: ['list'] } }, else: { required: ['list'] } });

export const VersionMetrics = z
  .object({
    measurement: Measurement.nullable(),
    validation: Accuracy.nullable(),
    test: Accuracy.nullable(),
  })
  .meta({ id: 'VersionMetrics' });
export type VersionMetrics = z.infer<typeof VersionMetrics>;

export const Model = z
  .object({
    id: Id,
    name: Slug,
    description: z.string(),
    task: Task,
    createdAt: Instant,
    versions: z.int(),
    latest: z
      .object({
        id: Id,
        version: z.int(),
        test: Accuracy.nullable(),
        quality: Quality.nullable()
          .optional()
          .describe('the figure on the test part that it is judged by; null where none was measured'),
        bytes: z.int(),
      })
      .nullable(),
  })
  .meta({ id: 'Model' });
export type Model = z.infer<typeof Model>;

export const Version = z
  .object({
    id: Id,
    model: Slug,
    version: z.int(),
    task: Task,
    digest: Digest,
    bytes: z.int(),
    inputs: z.array(TensorSpec),
    outputs: z.array(TensorSpec),
    labels: z.array(z.string()),
    preprocess: Preprocess.nullable(),
    ports: ModelPorts,
    origin: z
      .enum(['plain', 'distilled', 'imported'])
      .describe('plain: trained on labels; distilled: taught by another version; imported: brought from outside'),
    trainingId: Id.nullable(),
    datasetId: Id.nullable(),
    teacherVersionId: Id.nullable(),
    metrics: VersionMetrics,
    notes: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'Version' });
export type Version = z.infer<typeof Version>;

/** A directed graph: edges run from what came first to what was made from it. */
export const Lineage = z
  .object({
    nodes: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(['dataset', 'training', 'version', 'compression', 'artifact', 'release', 'rollout']),
        name: z.string(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
    edges: z.array(z.object({ from: z.string(), to: z.string(), role: z.string() })),
    goesOn: z.boolean().describe('it has more versions than are shown here; ask for the lineage of one at its end'),
  })
  .meta({ id: 'Lineage' });
export type Lineage = z.infer<typeof Lineage>;

export const catalogRoutes = {
  'blobs.put': route({
    method: 'PUT',
    path: '/projects/{project}/blobs/{digest}',
    tag: 'blobs',
    role: 'operator',
    status: 201,
    rawBody: true,
    summary: 'Store bytes under their digest. Storing the same bytes again is harmless.',
    refusals: ['DIGEST_MISMATCH'],
    response: Blob,
  }),
  'blobs.missing': route({
    method: 'POST',
    path: '/projects/{project}/blobs/missing',
    tag: 'blobs',
    role: 'operator',
    summary: 'Which of these blobs the project does not hold yet.',
    body: z.strictObject({ digests: z.array(Digest).min(1).max(10_000) }),
    response: z.object({ missing: z.array(Digest) }),
  }),
  'blobs.part.get': route({
    method: 'GET',
    path: '/projects/{project}/blobs/{digest}/part',
    tag: 'blobs',
    role: 'operator',
    summary: 'How much of a blob that is sent in parts has arrived here: where to go on.',
    response: BlobPart,
  }),
  'blobs.part.put': route({
    method: 'PUT',
    path: '/projects/{project}/blobs/{digest}/part',
    tag: 'blobs',
    role: 'operator',
    rawBody: true,
    summary: 'Send the next part of a blob. What arrived before a connection broke is kept for a day.',
    refusals: ['STATE_CONFLICT', 'DIGEST_MISMATCH'],
    query: z.strictObject({
      offset: z.coerce
        .number()
        .int()
        .min(0)
        .max(Number.MAX_SAFE_INTEGER)
        .describe('where this part begins: what has arrived so far'),
      last: Flag.prefault('false')
        .describe('after this part the blob is whole: it is checked against its digest and stored')
        .transform((text) => text === 'true'),
    }),
    response: BlobPart,
  }),
  'blobs.head': route({
    method: 'HEAD',
    path: '/projects/{project}/blobs/{digest}',
    tag: 'blobs',
    role: 'viewer',
    summary: 'Whether the project holds a blob; its size in Content-Length.',
  }),
  'blobs.get': route({
    method: 'GET',
    path: '/projects/{project}/blobs/{digest}',
    tag: 'blobs',
    role: 'viewer',
    summary: 'The bytes of a blob the project holds. Honours Range.',
    refusals: ['RANGE_NOT_SATISFIABLE'],
    stream: 'bytes',
  }),
  'datasets.list': route({
    method: 'GET',
    path: '/projects/{project}/datasets',
    tag: 'datasets',
    role: 'viewer',
    summary: 'Data sets of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'name', 'bytes'], '-createdAt'), ...search }),
    response: page(Dataset),
  }),
  'datasets.create': route({
    method: 'POST',
    path: '/projects/{project}/datasets',
    tag: 'datasets',
    role: 'operator',
    status: 201,
    summary: 'Register a data set whose files are stored as blobs.',
    refusals: ['CONFLICT'],
    body: CreateDataset,
    response: Dataset,
  }),
  'datasets.get': route({
    method: 'GET',
    path: '/projects/{project}/datasets/{dataset}',
    tag: 'datasets',
    role: 'viewer',
    summary: 'A data set, by id or name.',
    response: Dataset,
  }),
  'datasets.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/datasets/{dataset}',
    tag: 'datasets',
    role: 'operator',
    summary: 'Delete a data set. Refused while trainings, versions, compressions or evaluations refer to it.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'datasets.files': route({
    method: 'GET',
    path: '/projects/{project}/datasets/{dataset}/files',
    tag: 'datasets',
    role: 'viewer',
    summary: 'The files of a data set, by path.',
    query: z.strictObject(pagePart),
    response: page(DatasetFile),
  }),
  'models.list': route({
    method: 'GET',
    path: '/projects/{project}/models',
    tag: 'models',
    role: 'viewer',
    summary: 'Models of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'name'], '-createdAt'), ...search }),
    response: page(Model),
  }),
  'models.create': route({
    method: 'POST',
    path: '/projects/{project}/models',
    tag: 'models',
    role: 'operator',
    status: 201,
    summary: 'Create a model: a line of versions.',
    refusals: ['CONFLICT'],
    body: z.strictObject({
      name: Slug,
      description: freeText(z.string().max(4000)).default(''),
      task: Task.default('classification'),
    }),
    response: Model,
  }),
  'models.get': route({
    method: 'GET',
    path: '/projects/{project}/models/{model}',
    tag: 'models',
    role: 'viewer',
    summary: 'A model, by id or name.',
    response: Model,
  }),
  'models.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/models/{model}',
    tag: 'models',
    role: 'operator',
    summary: 'Delete a model that has neither versions nor trainings.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'versions.list': route({
    method: 'GET',
    path: '/projects/{project}/versions',
    tag: 'models',
    role: 'viewer',
    summary: 'Versions of all models, or of one.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'version', 'bytes'], '-createdAt'),
      ...search,
      model: z.string().max(63).optional(),
      origin: z.enum(['plain', 'distilled', 'imported']).optional(),
    }),
    response: page(Version),
  }),
  'versions.import': route({
    method: 'POST',
    path: '/projects/{project}/models/{model}/versions',
    tag: 'models',
    role: 'operator',
    status: 201,
    summary: 'Import an ONNX file that is stored as a blob as the next version.',
    makes: 'versions.get',
    body: z.strictObject({
      digest: Digest,
      inputs: z.array(TensorSpec).min(1),
      outputs: z.array(TensorSpec).min(1),
      labels: z.array(z.string()).default([]),
      preprocess: Preprocess.nullable().default(null),
      ports: ModelPorts.default({}).describe(
        'what further inputs are fed, sizes that the file leaves open, and the output that says the class',
      ),
      notes: freeText(z.string().max(4000)).default(''),
    }),
    response: Version,
  }),
  'versions.get': route({
    method: 'GET',
    path: '/projects/{project}/versions/{version}',
    tag: 'models',
    role: 'viewer',
    summary: 'A version: an id, or model@number.',
    response: Version,
  }),
  'versions.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/versions/{version}',
    tag: 'models',
    role: 'operator',
    summary:
      'Delete a version. Refused while anything was made from it, measures it or was rolled out of it. Its number is not given again.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'versions.lineage': route({
    method: 'GET',
    path: '/projects/{project}/versions/{version}/lineage',
    tag: 'models',
    role: 'viewer',
    summary: 'What a version was made from and what was made from it.',
    response: Lineage,
  }),
};
