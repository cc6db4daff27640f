/** The job queue on either backend: Redis through ioredis, or the same Postgres through BullMQ's own backend. */
import { QUEUE_NAME, QUEUE_PREFIX, type Job as JobPayload } from '@verge/contracts';
import { createPostgresBackend, Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { GuardedClient } from './guarded-client.js';

/** A job as the queue knows it. */
export interface QueuedJob {
  readonly state: 'waiting' | 'active' | 'completed' | 'failed';
  /** How often a worker has begun it. */
  readonly attempts: number;
  readonly progress: unknown;
  readonly result: unknown;
  readonly failedReason: string;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface QueueListener {
  /** Something about the job changed; what, the queue knows. */
  onChange(id: string): void;
  onProgress(id: string, progress: unknown): void;
}

export interface JobQueue {
  readonly backend: 'redis' | 'postgres';
  /** Adding a job that the queue has changes nothing. */
  add(payload: JobPayload): Promise<void>;
  find(id: string): Promise<QueuedJob | null>;
  /** Removes a job that no worker holds. @returns false when one does; true when the job is gone */
  removeIdle(id: string): Promise<boolean>;
  /** Sets `cancelRequested`, which a worker looks at. @returns false when the queue does not have the job */
  requestCancel(id: string): Promise<boolean>;
  counts(): Promise<{ waiting: number; active: number }>;
  close(): Promise<void>;
}

const ATTEMPTS = 3;
const BACKOFF_MS = 1_000;
const KEEP_FINISHED = { age: 7 * 24 * 3600, count: 5_000 };

/** What is used of BullMQ's classes, whose types differ with the backend. */
interface BullJob {
  readonly data: JobPayload;
  readonly attemptsStarted: number;
  readonly progress: unknown;
  readonly returnvalue: unknown;
  readonly failedReason?: string;
  readonly processedOn?: number;
  readonly finishedOn?: number;
  getState(): Promise<string>;
  updateData(data: JobPayload): Promise<void>;
  remove(): Promise<void>;
}
interface BullQueue {
  add(name: string, data: JobPayload, options: object): Promise<unknown>;
  getJob(id: string): Promise<BullJob | undefined>;
  getJobCounts(): Promise<Record<string, number>>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
type BullEvents = Pick<QueueEvents, 'on' | 'close' | 'waitUntilReady'>;

interface Opened {
  backend: JobQueue['backend'];
  queue: BullQueue;
  events: BullEvents;
  disconnect(): Promise<void>;
}

function openRedis(url: string): Opened {
  // Constructed here: left to itself, BullMQ imports ioredis from where it is installed itself.
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const reader = new Redis(url, { maxRetriesPerRequest: null });
  const options = { prefix: QUEUE_PREFIX };
  return {
    backend: 'redis',
    queue: new Queue(QUEUE_NAME, { ...options, connection }) as BullQueue,
    events: new QueueEvents(QUEUE_NAME, { ...options, connection: reader }),
    disconnect: async () => {
      connection.disconnect();
      reader.disconnect();
    },
  };
}

function openPostgres(url: string): Opened {
  const connection = { connectionString: url, migrate: true, max: 4, Client: GuardedClient };
  const options = { prefix: QUEUE_PREFIX, connection };
  return {
    backend: 'postgres',
    queue: new Queue(QUEUE_NAME, options, createPostgresBackend) as unknown as BullQueue,
    events: new QueueEvents(QUEUE_NAME, options, createPostgresBackend) as unknown as BullEvents,
    disconnect: () => Promise.resolve(),
  };
}

export async function openQueue(
  where: { redisUrl: string | undefined; databaseUrl: string },
  listener: QueueListener,
  log: Logger,
): Promise<JobQueue> {
  const { backend, queue, events, disconnect } = where.redisUrl
    ? openRedis(where.redisUrl)
    : openPostgres(where.databaseUrl);
  queue.on('error', (err) => log.warn({ err }, 'queue'));
  events.on('error', (err) => log.warn({ err }, 'queue events'));
  for (const name of ['active', 'waiting', 'delayed', 'stalled', 'completed', 'failed', 'removed'] as const) {
    events.on(name, ({ jobId }: { jobId: string }) => listener.onChange(jobId));
  }
  events.on('progress', ({ jobId, data }) => listener.onProgress(jobId, data));
  await queue.waitUntilReady();
  await events.waitUntilReady();
  return {
    backend,
    add: async (payload) => {
      await queue.add(payload.kind, payload, {
        jobId: payload.id,
        attempts: ATTEMPTS,
        backoff: { type: 'exponential', delay: BACKOFF_MS },
        removeOnComplete: KEEP_FINISHED,
        removeOnFail: KEEP_FINISHED,
      });
    },
    find: (id) => describe(queue, id),
    removeIdle: async (id) => await removeIdle(queue, id),
    requestCancel: async (id) => {
      const job = await queue.getJob(id);
      if (!job) return false;
      await job.updateData({ ...job.data, cancelRequested: true });
      return true;
    },
    counts: async () => {
      const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = await queue.getJobCounts();
      return { waiting: waiting + prioritized + delayed, active };
    },
    close: async () => {
      await events.close();
      await queue.close();
      await disconnect();
    },
  };
}

const at = (ms: number | undefined): Date | null => (ms ? new Date(ms) : null);

/** The state is asked for first and the rest read after it, so that a job that is over comes with what it ended with. */
async function describe(queue: BullQueue, id: string): Promise<QueuedJob | null> {
  const state = await (await queue.getJob(id))?.getState();
  const job = await queue.getJob(id);
  if (!job || state === undefined || state === 'unknown') return null;
  const known = state === 'active' || state === 'completed' || state === 'failed' ? state : 'waiting';
  return {
    state: known,
    attempts: job.attemptsStarted,
    progress: job.progress,
    result: job.returnvalue,
    failedReason: job.failedReason ?? '',
    startedAt: at(job.processedOn),
    finishedAt: at(job.finishedOn),
  };
}

async function removeIdle(queue: BullQueue, id: string): Promise<boolean> {
  const job = await queue.getJob(id);
  if (!job) return true;
  const state = await job.getState();
  if (state === 'active' || state === 'completed' || state === 'failed') return false;
  // A worker may take it in this moment: BullMQ then refuses, because the job is locked.
  return await job.remove().then(
    () => true,
    () => false,
  );
}
