/** The job queue on either backend: Redis through ioredis, or the same Postgres through BullMQ's own backend. */
import { QUEUE_NAME, QUEUE_PREFIX, WORKER_EVENT, type Job as JobPayload, type JobProgress } from '@verge/contracts';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { pause, retryDelayMs } from '../background.js';
import { ControlPlaneError } from '../errors.js';
import { GuardedClient } from '../database/guarded-client.js';
import { guardedBackend } from './guarded-backend.js';

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
  /** What a worker says of itself. */
  onWorker(beat: unknown): void;
}

export interface JobQueue {
  readonly backend: 'redis' | 'postgres';
  /** Adding a job that the queue has changes nothing. */
  add(payload: JobPayload): Promise<void>;
  /** Adds a job that the queue has lost, with what it had reached. */
  addAgain(payload: JobPayload, reached: { attempts: number; progress: JobProgress | null }): Promise<void>;
  find(id: string): Promise<QueuedJob | null>;
  /** Removes a job that no worker holds. @returns false when one does; true when the job is gone */
  removeIdle(id: string): Promise<boolean>;
  /** Sets `cancelRequested`, which a worker looks at. @returns false when the queue does not have the job */
  requestCancel(id: string): Promise<boolean>;
  /** Drops what is kept of a job that is over. */
  forget(id: string): Promise<void>;
  counts(): Promise<{ waiting: number; active: number }>;
  close(): Promise<void>;
}

const ATTEMPTS = 3;
const BACKOFF_MS = 1_000;
const AGAIN_DELAY_MS = 500;
const COMMAND_MS = 5_000;
const retryStrategy = (failures: number): number => retryDelayMs(failures, Math.random());
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
  updateProgress(progress: JobProgress): Promise<void>;
  remove(): Promise<void>;
}
interface BullQueue {
  add(name: string, data: JobPayload, options: object): Promise<BullJob>;
  getJob(id: string): Promise<BullJob | undefined>;
  getJobCounts(): Promise<Record<string, number>>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
type BullEvents = Pick<QueueEvents, 'on' | 'close' | 'waitUntilReady'>;
/** An event that is Verge's own; BullMQ's types know theirs alone. */
interface OwnEvents {
  on(event: typeof WORKER_EVENT, listener: (said: { beat?: unknown }) => void): unknown;
}

interface Opened {
  backend: JobQueue['backend'];
  queue: BullQueue;
  events: BullEvents;
  disconnect(): Promise<void>;
}

function openRedis(url: string): Opened {
  // Constructed here: left to itself, BullMQ imports ioredis from where it is installed itself.
  // A request is refused while Redis is away; the reader of events waits for it.
  const connection = new Redis(url, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_MS,
    retryStrategy,
  });
  const reader = new Redis(url, { maxRetriesPerRequest: null, retryStrategy });
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
  const connection = {
    connectionString: url,
    migrate: true,
    max: 4,
    application_name: 'verge-queue',
    Client: GuardedClient,
  };
  const options = { prefix: QUEUE_PREFIX, connection };
  return {
    backend: 'postgres',
    queue: new Queue(QUEUE_NAME, options, guardedBackend) as unknown as BullQueue,
    events: new QueueEvents(QUEUE_NAME, options, guardedBackend) as unknown as BullEvents,
    disconnect: () => Promise.resolve(),
  };
}

export async function openQueue(
  where: { redisUrl: string | undefined; databaseUrl: string; limitMs: number },
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
  (events as unknown as OwnEvents).on(WORKER_EVENT, ({ beat }) => listener.onWorker(beat));
  const close = async (): Promise<void> => {
    await events.close();
    await queue.close();
    await disconnect();
  };
  try {
    await readyWithin(where.limitMs, Promise.all([queue.waitUntilReady(), events.waitUntilReady()]), backend);
  } catch (error) {
    await disconnect();
    throw error;
  }
  return {
    backend,
    add: async (payload) => {
      await queue.add(payload.kind, payload, jobOptions(payload.id));
    },
    addAgain: async (payload, { attempts, progress }) => {
      // What is left of it in no list of the queue would make the addition do nothing.
      await (await queue.getJob(payload.id))?.remove();
      const data = attempts > 0 ? { ...payload, attemptsBefore: attempts } : payload;
      const options = { ...jobOptions(payload.id), attempts: Math.max(1, ATTEMPTS - attempts) };
      // A worker takes it when its progress is there, from which it goes on.
      const job = await queue.add(payload.kind, data, { ...options, delay: AGAIN_DELAY_MS });
      if (progress) await job.updateProgress(progress);
    },
    find: (id) => describe(queue, id),
    removeIdle: async (id) => await removeIdle(queue, id),
    requestCancel: async (id) => {
      const job = await queue.getJob(id);
      if (!job) return false;
      await job.updateData({ ...job.data, cancelRequested: true });
      return true;
    },
    forget: async (id) => {
      await (await queue.getJob(id))?.remove();
    },
    counts: async () => {
      const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = await queue.getJobCounts();
      return { waiting: waiting + prioritized + delayed, active };
    },
    close,
  };
}

/** @throws ControlPlaneError QUEUE_UNREACHABLE */
async function readyWithin(limitMs: number, ready: Promise<unknown>, backend: string): Promise<void> {
  const late = new AbortController();
  const waited = pause(limitMs, late.signal).then(() => 'late');
  const first = await Promise.race([ready, waited]).finally(() => late.abort());
  if (first !== 'late') return;
  const after = `${limitMs / 1000} s`;
  throw new ControlPlaneError('QUEUE_UNREACHABLE', `the queue on ${backend} did not answer within ${after}`);
}

const jobOptions = (jobId: string) => ({
  jobId,
  attempts: ATTEMPTS,
  backoff: { type: 'exponential', delay: BACKOFF_MS },
  removeOnComplete: KEEP_FINISHED,
  removeOnFail: KEEP_FINISHED,
});

const at = (ms: number | undefined): Date | null => (ms ? new Date(ms) : null);

/** The state is asked for first and the rest read after it, so that a job that is over comes with what it ended with. */
async function describe(queue: BullQueue, id: string): Promise<QueuedJob | null> {
  const state = await (await queue.getJob(id))?.getState();
  const job = await queue.getJob(id);
  if (!job || state === undefined || state === 'unknown') return null;
  const known = state === 'active' || state === 'completed' || state === 'failed' ? state : 'waiting';
  return {
    state: known,
    attempts: (job.data.attemptsBefore ?? 0) + job.attemptsStarted,
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
