/** What blobs take up, and the collection of those that nothing uses. For administrators: the store is one for all projects. */
import { z } from 'zod';
import { Id, Instant } from '../identifiers.js';
import { newestFirst, page } from './page.js';
import { route } from './route.js';

const Sum = z.object({ blobs: z.int(), bytes: z.int() }).meta({ id: 'BlobSum' });

export const BlobCollection = z
  .object({
    id: Id,
    dryRun: z.boolean().describe('it only looked at what could be freed'),
    state: z
      .enum(['running', 'finished', 'refused', 'failed'])
      .describe('refused: something that names blobs could not be read, so nothing was deleted'),
    reason: z.string().describe('why it was refused, or failed'),
    requestedBy: z.string(),
    startedAt: Instant,
    finishedAt: Instant.nullable(),
    held: Sum.describe('in the store when it began'),
    young: Sum.describe('used by nothing, and kept for the time of grace'),
    freed: Sum.describe('deleted; of a look: what would have been'),
    givenUp: z.int().describe('references of projects to blobs that nothing of theirs used any more'),
  })
  .meta({ id: 'BlobCollection' });
export type BlobCollection = z.infer<typeof BlobCollection>;

export const BlobUsage = z
  .object({
    held: Sum.describe('blobs that projects refer to, each once'),
    projects: z
      .array(z.object({ project: z.string(), ...Sum.shape }))
      .describe('the hundred largest; blobs of several projects count for each'),
    moreProjects: z.int(),
    graceHours: z
      .number()
      .describe('how long a blob is kept after it was stored or asked about last, and after it was found unused'),
    everyHours: z.number().describe('between two collections; 0: only by hand'),
    running: BlobCollection.nullable(),
    last: BlobCollection.nullable().describe('the last collection that is over'),
    collectable: z
      .object({ ...Sum.shape, at: Instant })
      .nullable()
      .describe('what the last look found; null where there was none since the last collection'),
  })
  .meta({ id: 'BlobUsage' });
export type BlobUsage = z.infer<typeof BlobUsage>;

export const storageRoutes = {
  'blobs.usage': route({
    method: 'GET',
    path: '/storage',
    tag: 'blobs',
    role: 'admin',
    summary: 'What blobs take up, what could be freed, and what the last collection freed.',
    response: BlobUsage,
  }),
  'blobs.collect': route({
    method: 'POST',
    path: '/storage/collections',
    tag: 'blobs',
    role: 'admin',
    status: 202,
    summary: 'Begin to delete blobs that nothing uses, or only to look at what that would free.',
    refusals: ['STATE_CONFLICT'],
    body: z.strictObject({ dryRun: z.boolean().default(false) }),
    response: BlobCollection,
  }),
  'blobs.collections': route({
    method: 'GET',
    path: '/storage/collections',
    tag: 'blobs',
    role: 'admin',
    summary: 'Collections and looks, newest first.',
    query: z.strictObject(newestFirst),
    response: page(BlobCollection),
  }),
  'blobs.collection': route({
    method: 'GET',
    path: '/storage/collections/{collection}',
    tag: 'blobs',
    role: 'admin',
    summary: 'A collection, or a look.',
    response: BlobCollection,
  }),
};
