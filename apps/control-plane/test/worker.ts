/** A BullMQ worker on the queue of a plane, whose work a test writes. */
import { QUEUE_NAME, QUEUE_PREFIX, type Job as JobPayload, type JobProgress, type JobResult } from '@verge/contracts';
import { createPostgresBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { ControlPlaneConfig } from '../src/config.js';

export interface Work {
  readonly payload: JobPayload;
  readonly attempt: number;
  readonly previous: unknown;
  progress(progress: JobProgress): Promise<void>;
  cancelRequested(): Promise<boolean>;
}

export interface TestWorker {
  close(): Promise<void>;
}

type Where = Pick<ControlPlaneConfig, 'redisUrl' | 'databaseUrl'>;

export async function startWorker(where: Where, work: (job: Work) => Promise<JobResult>): Promise<TestWorker> {
  const pace = { prefix: QUEUE_PREFIX, lockDuration: 2000, stalledInterval: 500, maxStalledCount: 5 };
  const { queue, run, end } = open(where, pace);
  const worker = run(
    async (job) =>
      await work({
        payload: job.data,
        attempt: job.attemptsStarted,
        previous: job.progress,
        progress: (progress) => job.updateProgress(progress),
        cancelRequested: async () => (await queue.getJob(job.id!))?.data.cancelRequested === true,
      }),
  );
  worker.on('error', () => undefined);
  await worker.waitUntilReady();
  const close = async (): Promise<void> => {
    await worker.close(true);
    await queue.close();
    end();
  };
  return { close };
}

interface Taken {
  id?: string;
  data: JobPayload;
  attemptsStarted: number;
  progress: unknown;
  updateProgress(progress: JobProgress): Promise<void>;
}
type Processor = (job: Taken) => Promise<JobResult>;
interface Opened {
  queue: {
    getJob(id: string): Promise<{ data: JobPayload; remove(): Promise<void> } | undefined>;
    close(): Promise<void>;
  };
  run(processor: Processor): {
    on(event: 'error', listener: () => void): unknown;
    waitUntilReady(): Promise<unknown>;
    close(force: boolean): Promise<void>;
  };
  end(): void;
}

function open(where: Where, pace: object): Opened {
  if (where.redisUrl) {
    const connection = new Redis(where.redisUrl, { maxRetriesPerRequest: null });
    return {
      queue: new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection }) as Opened['queue'],
      run: (processor) => new Worker(QUEUE_NAME, processor, { ...pace, connection }),
      end: () => connection.disconnect(),
    };
  }
  const connection = { connectionString: where.databaseUrl!, migrate: true, max: 3 };
  return {
    queue: new Queue(QUEUE_NAME, { connection }, createPostgresBackend) as unknown as Opened['queue'],
    run: (processor) => new Worker(QUEUE_NAME, processor, { ...pace, connection }, createPostgresBackend),
    end: () => undefined,
  };
}

/** Takes a job out of the queue behind the control plane's back. */
export async function loseJob(where: Where, id: string): Promise<void> {
  const { queue, end } = open(where, {});
  await (await queue.getJob(id))?.remove();
  await queue.close();
  end();
}
