/** The queue on either backend: Redis through ioredis, or Postgres through BullMQ's own backend. */
import { QUEUE_NAME, QUEUE_PREFIX } from '@verge/contracts';
import { createPostgresBackend, type JobsOptions, type Processor, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { WorkerConfig } from './config.js';
import { GuardedClient } from './guarded-client.js';

const MAX_RECOVERIES = 10;
/** Connections of each of the two that a worker has: one takes jobs, one looks them up. */
const POOL_SIZE = 4;

export interface JobQueue {
  getJob(id: string): Promise<{ data: unknown } | undefined>;
  add(name: string, data: unknown, options: JobsOptions): Promise<unknown>;
  remove(id: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Connection {
  readonly worker: {
    on(event: 'error', listener: (error: Error) => void): unknown;
    on(event: 'lockRenewalFailed', listener: (jobIds: string[]) => void): unknown;
    waitUntilReady(): Promise<unknown>;
    close(): Promise<void>;
  };
  /** For looking jobs up (the processor's own view of a job's data is as old as the job's start), and for jobs under them. */
  readonly queue: JobQueue;
  disconnect(): Promise<void>;
}

export function connect({ queue: { kind, url }, lockMs }: WorkerConfig, processor: Processor): Connection {
  const options = {
    prefix: QUEUE_PREFIX,
    concurrency: 1,
    lockDuration: lockMs,
    stalledInterval: Math.ceil(lockMs / 3),
    maxStalledCount: MAX_RECOVERIES,
  };
  if (kind === 'redis') {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    const worker = new Worker(QUEUE_NAME, processor, { ...options, connection: redis });
    const queue = new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection: redis });
    return { worker, queue, disconnect: async () => void (await redis.quit().catch(() => undefined)) };
  }
  const connection = {
    connectionString: url,
    migrate: true,
    max: POOL_SIZE,
    application_name: 'verge-worker',
    Client: GuardedClient,
  };
  const worker = new Worker(QUEUE_NAME, processor, { ...options, connection }, createPostgresBackend);
  const queue = new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection }, createPostgresBackend);
  return { worker, queue, disconnect: () => Promise.resolve() };
}
