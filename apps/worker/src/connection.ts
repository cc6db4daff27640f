/** The queue on either backend: Redis through ioredis, or Postgres through BullMQ's own backend. */
import { QUEUE_NAME, QUEUE_PREFIX, WORKER_EVENT, type WorkerBeat } from '@verge/contracts';
import { type IQueueBackend, type JobsOptions, type Processor, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { WorkerConfig } from './config.js';
import { guardedBackend } from './guarded-backend.js';
import { GuardedClient } from './guarded-client.js';
import { PostgresAddress } from './postgres-address.js';

const MAX_RECOVERIES = 10;
/** Connections of each of the two that a worker has: one takes jobs, one looks them up. */
const POOL_SIZE = 4;
/** A Postgres that takes a connection and says nothing is given up after this long, and tried again. */
const CONNECT_MS = 10_000;
/** A queue that is away is asked again after this long, up to twice as long: not by all workers at once. */
const RETRY_MS = 1_000;
/** How many of its events a queue on Redis keeps: as many as BullMQ itself has it keep. */
const KEEP_EVENTS = 10_000;

export interface JobQueue {
  /** Without a listener, BullMQ prints every error past the log. */
  on(event: 'error', listener: (error: Error) => void): unknown;
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
  /** Says something of the worker in the queue's stream of events. */
  tell(beat: WorkerBeat): Promise<unknown>;
  disconnect(): Promise<void>;
  /** Ends what is open without asking the queue, for one that does not answer. */
  cut(): void;
  /** The same queue, at another host or port; only for Postgres. Work in hand goes on and is handed in there. */
  moveTo(url: string): void;
}

export function connect({ queue: { kind, url }, lockMs }: WorkerConfig, processor: Processor): Connection {
  const options = {
    prefix: QUEUE_PREFIX,
    concurrency: 1,
    lockDuration: lockMs,
    stalledInterval: Math.ceil(lockMs / 3),
    maxStalledCount: MAX_RECOVERIES,
    runRetryDelay: RETRY_MS + Math.random() * RETRY_MS,
  };
  if (kind === 'redis') {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    const worker = new Worker(QUEUE_NAME, processor, { ...options, connection: redis });
    const queue = new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection: redis });
    return {
      worker,
      queue,
      tell: teller(queue.backend),
      disconnect: async () => void (await redis.quit().catch(() => undefined)),
      cut: () => redis.disconnect(),
      moveTo: () => {
        throw new Error('a queue on Redis does not move');
      },
    };
  }
  const address = new PostgresAddress();
  const connection = {
    connectionString: url,
    stream: address.stream,
    migrate: true,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'verge-worker',
    Client: GuardedClient,
  };
  const worker = new Worker(QUEUE_NAME, processor, { ...options, connection }, guardedBackend);
  const queue = new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection }, guardedBackend);
  return {
    worker,
    queue,
    tell: teller(queue.backend),
    disconnect: () => Promise.resolve(),
    cut: () => address.cut(),
    moveTo: (next) => address.moveTo(next),
  };
}

const teller =
  (backend: Pick<IQueueBackend, 'publishEvent'>): Connection['tell'] =>
  (beat) =>
    backend.publishEvent({ event: WORKER_EVENT, beat: JSON.stringify(beat) }, KEEP_EVENTS);
