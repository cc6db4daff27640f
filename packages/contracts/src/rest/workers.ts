/** Workers: who takes jobs from the queue. They serve every project of a control plane. */
import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { WorkerRun } from '../worker-beat.js';
import { anyOf, listQuery, page, search } from './page.js';
import { route } from './route.js';

/** `lost`: it fell silent without a word. `left`: it said that it leaves. */
export const WorkerState = z.enum(['online', 'lost', 'left']).meta({ id: 'WorkerState' });
export type WorkerState = z.infer<typeof WorkerState>;

export const Worker = z
  .object({
    id: Id,
    name: z.string(),
    state: WorkerState,
    version: z.string(),
    /** Of ONNX Runtime. */
    engineVersion: z.string(),
    host: z.string(),
    platform: z.string(),
    cores: z.int(),
    memoryBytes: z.int(),
    startedAt: Instant,
    lastSeenAt: Instant,
    /** What it has in hand, of the projects that the caller belongs to; nothing once it is lost or has left. */
    running: z.array(z.object({ job: Id, kind: WorkerRun.shape.kind, project: Slug, since: Instant })),
    /** How many more it has in hand, of other projects. */
    runningElsewhere: z.int(),
  })
  .meta({ id: 'Worker' });
export type Worker = z.infer<typeof Worker>;

export const workerRoutes = {
  'workers.list': route({
    method: 'GET',
    path: '/workers',
    tag: 'workers',
    role: 'viewer',
    summary: 'Workers. One that is lost or has left is shown for seven days.',
    query: z.strictObject({
      ...listQuery(['lastSeenAt', 'startedAt', 'name'], '-lastSeenAt'),
      ...search,
      state: anyOf(WorkerState).optional(),
    }),
    response: page(Worker),
  }),
  'workers.get': route({
    method: 'GET',
    path: '/workers/{worker}',
    tag: 'workers',
    role: 'viewer',
    summary: 'A worker.',
    response: Worker,
  }),
};
