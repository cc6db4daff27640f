/** A job's children in the queue (a BullMQ flow that grows round by round). */
import { TrainShardResult, type TrainShardJob } from '@verge/contracts';
import { type Job, WaitingChildrenError } from 'bullmq';
import type { JobQueue } from './connection.js';
import type { ShardFlow } from './job-context.js';

const ATTEMPTS = 3;
const BACKOFF_MS = 1_000;

/** The same task has the same id, so that it is in the queue once, however often it is added. */
const idOf = (training: string, { round, shard }: { readonly round: number; readonly shard: number }): string =>
  `${training}-r${round}-s${shard}`;

export function shardFlow(job: Job, token: string | undefined, queue: JobQueue): ShardFlow {
  const training = job.id ?? '';
  return {
    add: async (jobs) => {
      const parent = { id: training, queue: job.queueQualifiedName };
      for (const data of jobs) {
        await queue.add('train-shard', data satisfies TrainShardJob, {
          jobId: idOf(training, data),
          parent,
          attempts: ATTEMPTS,
          backoff: { type: 'exponential', delay: BACKOFF_MS },
          // The parent learns of it at once, and says why it fails.
          continueParentOnFailure: true,
        });
      }
    },
    results: async () => {
      const values: unknown[] = Object.values(await job.getChildrenValues());
      return values.flatMap((value) => {
        const parsed = TrainShardResult.safeParse(value);
        return parsed.success ? [parsed.data] : [];
      });
    },
    failures: async () => Object.values(await job.getIgnoredChildrenFailures()),
    wait: async () => {
      if (await job.moveToWaitingChildren(token ?? '')) throw new WaitingChildrenError();
    },
    forget: async (jobs) => {
      for (const done of jobs) await queue.remove(idOf(training, done));
    },
  };
}
