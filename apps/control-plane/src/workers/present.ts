/** A worker as the API shows it: what it runs of other projects is a number. */
import { WorkerRun, type JobKind, type Worker } from '@verge/contracts';
import { z } from 'zod';
import type { Prisma } from '../database/database.service.js';
import { workerState } from './conditions.js';

type Row = Prisma.WorkerGetPayload<object>;

/** What the column `running` holds. */
export const StoredRun = WorkerRun.omit({ seconds: true }).extend({ since: z.iso.datetime() });
export type StoredRun = z.infer<typeof StoredRun>;

export const runsOf = (row: Pick<Row, 'running'>): StoredRun[] => z.array(StoredRun).parse(row.running);

/** @param projects the slug of each job's project, of those that the caller may see */
export function presentWorker(row: Row, projects: ReadonlyMap<string, string>, now: Date): Worker {
  const state = workerState(row, now);
  const runs = state === 'online' ? runsOf(row) : [];
  const running = runs.flatMap(({ job, kind, since }) => {
    const project = projects.get(job);
    return project === undefined ? [] : [{ job, kind: kind satisfies JobKind | 'train-shard', project, since }];
  });
  return {
    id: row.id,
    name: row.name,
    state,
    version: row.version,
    engineVersion: row.engineVersion,
    host: row.host,
    platform: row.platform,
    cores: row.cores,
    memoryBytes: Number(row.memoryBytes),
    startedAt: row.startedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    running,
    runningElsewhere: runs.length - running.length,
  };
}
