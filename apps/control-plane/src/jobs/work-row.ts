/** What trainings, compressions and evaluations show alike. */
import { JobProgress, type JobState, type TrainingPoint, type WorkEvent } from '@verge/contracts';
import type { Prisma } from '../database/database.service.js';
import { fromNullable } from '../json.js';

type JobRow = Prisma.JobGetPayload<object>;

export const presentWork = (job: JobRow) => ({
  id: job.id,
  state: job.state,
  progress: fromNullable(JobProgress, job.progress),
  error: job.error,
  attempts: job.attempts,
  createdBy: job.createdBy,
  createdAt: job.createdAt.toISOString(),
  startedAt: job.startedAt?.toISOString() ?? null,
  finishedAt: job.finishedAt?.toISOString() ?? null,
});

/** What stands for the recipe in the name of a compression that searches. */
export const SEARCH = 'search';

/** The filters that all lists of work have. */
export const workFilters = {
  state: (states: JobState[]): Prisma.JobWhereInput => ({ state: { in: states } }),
  finishedFrom: (at: string): Prisma.JobWhereInput => ({ finishedAt: { gte: at } }),
};

export const workTopic = (jobId: string): string => `work:${jobId}`;

export const stateEvent = (job: Pick<JobRow, 'state' | 'error'>): WorkEvent => ({
  type: 'state',
  state: job.state,
  error: job.error,
});
export const pointEvent = (point: TrainingPoint): WorkEvent => ({ type: 'point', point });
export const progressEvent = (progress: JobProgress): WorkEvent => ({ type: 'progress', progress });
