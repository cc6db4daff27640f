/** Trainings, recipes, compressions, evaluations: work that the queue carries. */
import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { Accuracy, DeviceClass, Measurement } from '../measurement.js';
import { JobProgress } from '../queue.js';
import { CompressionReport, Recipe } from '../recipe.js';
import { SearchReport, SearchRequest } from '../search.js';
import { TrainingConfig, TrainingPoint } from '../training-config.js';
import { TrainingReport } from '../training-report.js';
import { anyOf, listQuery, page, search } from './page.js';
import { route } from './route.js';

export const JobStateName = z
  .enum(['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'])
  .meta({ id: 'JobState' });

const work = {
  id: Id,
  state: JobStateName,
  progress: JobProgress.nullable(),
  error: z.string().nullable().describe('why it failed, in words, null otherwise'),
  attempts: z.int(),
  createdBy: z.string(),
  createdAt: Instant,
  startedAt: Instant.nullable(),
  finishedAt: Instant.nullable(),
};

export const Training = z
  .object({
    ...work,
    name: z.string(),
    model: Slug,
    datasetId: Id,
    dataset: Slug,
    config: TrainingConfig,
    teacherVersionId: Id.nullable(),
    versionId: Id.nullable().describe('the version that it made'),
    version: z.int().nullable(),
    test: Accuracy.nullable(),
  })
  .meta({ id: 'Training' });
export type Training = z.infer<typeof Training>;

export const StoredRecipe = z
  .object({ id: Id, name: Slug, recipe: Recipe, createdAt: Instant })
  .meta({ id: 'StoredRecipe' });
export type StoredRecipe = z.infer<typeof StoredRecipe>;

export const Compression = z
  .object({
    ...work,
    versionId: Id,
    model: Slug,
    version: z.int(),
    recipe: Recipe.nullable().describe('what it carries out; null where it searches'),
    search: SearchRequest.nullable().describe('what its search must keep to; null where a recipe says what to do'),
    target: DeviceClass,
    report: CompressionReport.nullable().describe(
      'of a search: of the best variant; null where none keeps to the budget',
    ),
    artifactId: Id.nullable(),
  })
  .meta({ id: 'Compression' });
export type Compression = z.infer<typeof Compression>;

export const Evaluation = z
  .object({
    ...work,
    versionId: Id,
    model: Slug,
    version: z.int(),
    datasetId: Id,
    dataset: Slug,
    measurement: Measurement.nullable(),
    test: Accuracy.nullable(),
    confusion: z.array(z.array(z.int())).nullable(),
  })
  .meta({ id: 'Evaluation' });
export type Evaluation = z.infer<typeof Evaluation>;

/** Any piece of work, whatever its kind: what the queue holds. */
export const WorkItem = z
  .object({
    ...work,
    kind: z.enum(['training', 'compression', 'evaluation']),
    model: Slug.describe('the model that it trains, compresses or evaluates'),
    name: z.string().describe('in words: what a person called it, or what it is made of'),
  })
  .meta({ id: 'WorkItem' });
export type WorkItem = z.infer<typeof WorkItem>;

/** One server-sent event of a piece of work. `id:` of a point is its epoch, so that Last-Event-ID resumes. */
export const WorkEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('state'), state: JobStateName, error: z.string().nullable() }),
    z.object({ type: z.literal('progress'), progress: JobProgress }),
    z.object({ type: z.literal('point'), point: TrainingPoint }),
  ])
  .meta({ id: 'WorkEvent' });
export type WorkEvent = z.infer<typeof WorkEvent>;

const workFilters = {
  ...search,
  state: anyOf(JobStateName).optional(),
  finishedFrom: Instant.optional().describe('finished at this moment or later'),
};
const model = z.string().max(63).optional();

export const workRoutes = {
  'jobs.list': route({
    method: 'GET',
    path: '/projects/{project}/jobs',
    tag: 'jobs',
    role: 'viewer',
    summary: 'Trainings, compressions and evaluations together.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'startedAt', 'finishedAt'], '-createdAt'),
      ...workFilters,
      kind: WorkItem.shape.kind.optional(),
    }),
    response: page(WorkItem),
  }),
  'trainings.list': route({
    method: 'GET',
    path: '/projects/{project}/trainings',
    tag: 'trainings',
    role: 'viewer',
    summary: 'Trainings of the project.',
    query: z.strictObject({
      ...listQuery(['createdAt', 'name', 'model', 'finishedAt'], '-createdAt'),
      ...workFilters,
      model,
    }),
    response: page(Training),
  }),
  'trainings.create': route({
    method: 'POST',
    path: '/projects/{project}/trainings',
    tag: 'trainings',
    role: 'operator',
    status: 201,
    summary: 'Queue a training; with a teacher it distils. The model is created when it does not exist.',
    body: z.strictObject({
      name: z.string().max(120).default(''),
      model: Slug,
      dataset: z.string().min(1).max(63).describe('id or name'),
      config: TrainingConfig,
      teacher: z.string().max(100).nullable().default(null).describe('a version: an id, or model@number'),
    }),
    response: Training,
  }),
  'trainings.get': route({
    method: 'GET',
    path: '/projects/{project}/trainings/{training}',
    tag: 'trainings',
    role: 'viewer',
    summary: 'A training.',
    response: Training,
  }),
  'trainings.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/trainings/{training}',
    tag: 'trainings',
    role: 'operator',
    summary: 'Delete a training that is over. Refused while the version that it made exists.',
    refusals: ['STATE_CONFLICT', 'IN_USE'],
    status: 204,
  }),
  'trainings.points': route({
    method: 'GET',
    path: '/projects/{project}/trainings/{training}/points',
    tag: 'trainings',
    role: 'viewer',
    summary: 'Loss curve of a training, oldest first.',
    response: z.object({ items: z.array(TrainingPoint) }),
  }),
  'trainings.report': route({
    method: 'GET',
    path: '/projects/{project}/trainings/{training}/report',
    tag: 'trainings',
    role: 'viewer',
    summary: 'What a training did with each parameter, what it mended and what it took for granted.',
    response: z.object({ report: TrainingReport.nullable().describe('null until it has succeeded') }),
  }),
  'trainings.cancel': route({
    method: 'POST',
    path: '/projects/{project}/trainings/{training}/cancel',
    tag: 'trainings',
    role: 'operator',
    summary: 'Ask a training to stop; it does within two seconds.',
    refusals: ['STATE_CONFLICT'],
    response: Training,
    status: 202,
  }),
  'trainings.events': route({
    method: 'GET',
    path: '/projects/{project}/trainings/{training}/events',
    tag: 'trainings',
    role: 'viewer',
    summary: 'Progress of a training, live.',
    stream: 'events',
    event: WorkEvent,
  }),
  'recipes.list': route({
    method: 'GET',
    path: '/projects/{project}/recipes',
    tag: 'recipes',
    role: 'viewer',
    summary: 'Recipes of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'name'], '-createdAt'), ...search }),
    response: page(StoredRecipe),
  }),
  'recipes.create': route({
    method: 'POST',
    path: '/projects/{project}/recipes',
    tag: 'recipes',
    role: 'operator',
    status: 201,
    summary: 'Store a recipe under its name. Recipes are immutable.',
    refusals: ['CONFLICT'],
    body: Recipe,
    response: StoredRecipe,
  }),
  'recipes.get': route({
    method: 'GET',
    path: '/projects/{project}/recipes/{recipe}',
    tag: 'recipes',
    role: 'viewer',
    summary: 'A recipe, by id or name.',
    response: StoredRecipe,
  }),
  'recipes.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/recipes/{recipe}',
    tag: 'recipes',
    role: 'operator',
    summary: 'Delete a recipe. Refused while compressions refer to it.',
    refusals: ['IN_USE'],
    status: 204,
  }),
  'compressions.list': route({
    method: 'GET',
    path: '/projects/{project}/compressions',
    tag: 'compressions',
    role: 'viewer',
    summary: 'Compressions of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'model', 'finishedAt'], '-createdAt'), ...workFilters, model }),
    response: page(Compression),
  }),
  'compressions.create': route({
    method: 'POST',
    path: '/projects/{project}/compressions',
    tag: 'compressions',
    role: 'operator',
    status: 201,
    summary: 'Queue the compression of a version for one device class, by a recipe or by a search within a budget.',
    body: z.strictObject({
      version: z.string().min(1).max(100).describe('an id, or model@number'),
      recipe: z.string().min(1).max(63).optional().describe('id or name; searched for when absent'),
      search: SearchRequest.optional().describe('what a search must keep to, in place of a recipe'),
      dataset: z
        .string()
        .min(1)
        .max(63)
        .optional()
        .describe('id or name; the one the version was trained on when absent'),
      target: DeviceClass,
    }),
    response: Compression,
  }),
  'compressions.get': route({
    method: 'GET',
    path: '/projects/{project}/compressions/{compression}',
    tag: 'compressions',
    role: 'viewer',
    summary: 'A compression.',
    response: Compression,
  }),
  'compressions.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/compressions/{compression}',
    tag: 'compressions',
    role: 'operator',
    summary: 'Delete a compression that is over. Refused while the artifact that it made exists.',
    refusals: ['STATE_CONFLICT', 'IN_USE'],
    status: 204,
  }),
  'compressions.cancel': route({
    method: 'POST',
    path: '/projects/{project}/compressions/{compression}/cancel',
    tag: 'compressions',
    role: 'operator',
    summary: 'Ask a compression to stop.',
    refusals: ['STATE_CONFLICT'],
    response: Compression,
    status: 202,
  }),
  'compressions.search': route({
    method: 'GET',
    path: '/projects/{project}/compressions/{compression}/search',
    tag: 'compressions',
    role: 'viewer',
    summary: 'What the search of a compression tried, its front, and why each variant is or is not the best.',
    response: z.object({ report: SearchReport.nullable().describe('null until it has succeeded, and of a recipe') }),
  }),
  'compressions.events': route({
    method: 'GET',
    path: '/projects/{project}/compressions/{compression}/events',
    tag: 'compressions',
    role: 'viewer',
    summary: 'Progress of a compression, live.',
    stream: 'events',
    event: WorkEvent,
  }),
  'evaluations.list': route({
    method: 'GET',
    path: '/projects/{project}/evaluations',
    tag: 'evaluations',
    role: 'viewer',
    summary: 'Evaluations of the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'model', 'finishedAt'], '-createdAt'), ...workFilters, model }),
    response: page(Evaluation),
  }),
  'evaluations.create': route({
    method: 'POST',
    path: '/projects/{project}/evaluations',
    tag: 'evaluations',
    role: 'operator',
    status: 201,
    summary: 'Queue the evaluation of a version on the test part of a data set.',
    body: z.strictObject({
      version: z.string().min(1).max(100),
      dataset: z.string().min(1).max(63),
      threads: z.int().min(1).max(64).default(1),
    }),
    response: Evaluation,
  }),
  'evaluations.get': route({
    method: 'GET',
    path: '/projects/{project}/evaluations/{evaluation}',
    tag: 'evaluations',
    role: 'viewer',
    summary: 'An evaluation.',
    response: Evaluation,
  }),
  'evaluations.delete': route({
    method: 'DELETE',
    path: '/projects/{project}/evaluations/{evaluation}',
    tag: 'evaluations',
    role: 'operator',
    summary: 'Delete an evaluation that is over.',
    refusals: ['STATE_CONFLICT'],
    status: 204,
  }),
  'evaluations.cancel': route({
    method: 'POST',
    path: '/projects/{project}/evaluations/{evaluation}/cancel',
    tag: 'evaluations',
    role: 'operator',
    summary: 'Ask an evaluation to stop.',
    refusals: ['STATE_CONFLICT'],
    response: Evaluation,
    status: 202,
  }),
};
