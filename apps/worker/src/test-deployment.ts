/** For tests: a queue of its own on a real backend, a blob folder, jobs, and workers in this process or in others. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DirectoryBlobStore } from '@verge/blobs';
import {
  type DatasetFile,
  type DatasetRef,
  datasetText,
  JobProgress,
  QUEUE_NAME,
  QUEUE_PREFIX,
  TrainingConfig,
  type TrainJob,
  WORKER_EVENT,
  WorkerBeat,
} from '@verge/contracts';
import { createPostgresBackend, Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import pino, { type Logger } from 'pino';
import { readConfig } from './config.js';
import { type RunningWorker, startWorker } from './worker.js';

const digitsFolder = fileURLToPath(new URL('../../../datasets/digits/', import.meta.url));
const workerProgram = fileURLToPath(new URL('../bin/verge-worker.mjs', import.meta.url));
const redis = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';

/** The same server, another database. */
function withDatabase(url: string, name: string | number): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

export type Backend = 'postgres' | 'redis';

interface QueuedJob {
  readonly data: unknown;
  readonly progress: unknown;
  readonly returnvalue: unknown;
  readonly failedReason?: string;
  readonly attemptsStarted: number;
  readonly attemptsMade: number;
  getState(): Promise<string>;
  updateData(data: unknown): Promise<void>;
}

interface JobQueue {
  add(name: string, data: unknown, options: object): Promise<unknown>;
  getJob(id: string): Promise<QueuedJob | undefined>;
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface Events {
  on(event: 'error', listener: () => void): unknown;
  on(event: typeof WORKER_EVENT, listener: (said: { beat: string }) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

interface Place {
  env: Record<string, string>;
  queue: JobQueue;
  /** The queue's stream of events. */
  events(): Events;
  remove(): Promise<void>;
}

/** Asks the process that runs the tests (apps/control-plane/test/serve-databases.ts). */
async function askForDatabase(method: 'POST' | 'DELETE', query: string): Promise<string> {
  const response = await fetch(`${process.env['VERGE_TEST_DATABASES']}/?${query}`, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`no database for the test: ${text}`);
  return text;
}

async function onPostgres(): Promise<Place> {
  const url = await askForDatabase('POST', 'empty');
  const connection = { connectionString: url, migrate: true };
  const queue = new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection }, createPostgresBackend);
  return {
    env: { DATABASE_URL: url },
    queue: queue as unknown as JobQueue,
    events: () => new QueueEvents(QUEUE_NAME, { connection }, createPostgresBackend) as unknown as Events,
    remove: async () => {
      await queue.close();
      await askForDatabase('DELETE', `url=${encodeURIComponent(url)}`);
    },
  };
}

/** Why a backend cannot be tried here, false when it can. */
export async function missing(backend: Backend): Promise<string | false> {
  if (backend === 'postgres') return false;
  const connection = new Redis(redis, { lazyConnect: true, retryStrategy: () => null });
  connection.on('error', () => undefined);
  const answers = await connection.connect().then(
    () => true,
    () => false,
  );
  connection.disconnect();
  return answers ? false : 'no Redis answers at TEST_REDIS_URL or 127.0.0.1:6379: its queue is not tried';
}

/** @param database number of a Redis database that this test has for itself; it is flushed */
async function onRedis(database: number): Promise<Place> {
  const url = withDatabase(redis, database);
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  await connection.flushdb();
  const queue = new Queue(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection });
  return {
    env: { REDIS_URL: url },
    queue: queue as unknown as JobQueue,
    events: () => new QueueEvents(QUEUE_NAME, { prefix: QUEUE_PREFIX, connection }) as unknown as Events,
    remove: async () => {
      await queue.close();
      await connection.flushdb();
      await connection.quit();
    },
  };
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** What it logged, line by line. */
  readonly log: () => string;
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

export class TestDeployment {
  private readonly workers: RunningWorker[] = [];
  private readonly children: WorkerProcess[] = [];
  private readonly events: Events[] = [];

  private constructor(
    readonly dataDir: string,
    readonly blobs: DirectoryBlobStore,
    private readonly place: Place,
  ) {}

  static async open(backend: Backend, redisDatabase: number): Promise<TestDeployment> {
    const dataDir = await mkdtemp(join(tmpdir(), 'verge-worker-'));
    const place = backend === 'redis' ? await onRedis(redisDatabase) : await onPostgres();
    place.queue.on('error', () => undefined);
    await place.queue.waitUntilReady();
    return new TestDeployment(dataDir, new DirectoryBlobStore(join(dataDir, 'blobs')), place);
  }

  private env(name: string): Record<string, string> {
    const settings = { VERGE_DATA_DIR: this.dataDir, VERGE_WORKER_NAME: name, VERGE_WORKER_LOCK_MS: '3000' };
    return { ...this.place.env, ...settings, VERGE_LOG_LEVEL: 'info' };
  }

  /** As a control plane that stands on this queue and these blobs writes it down. */
  get written(): { databaseUrl?: string | undefined; redisUrl: string | null; blobDir: string } {
    const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl = null } = this.place.env;
    return { databaseUrl, redisUrl, blobDir: join(this.dataDir, 'blobs') };
  }

  /** What workers say of themselves from now on. */
  async beats(): Promise<WorkerBeat[]> {
    const heard: WorkerBeat[] = [];
    const events = this.place.events();
    events.on('error', () => undefined);
    events.on(WORKER_EVENT, ({ beat }) => heard.push(WorkerBeat.parse(JSON.parse(beat))));
    await events.waitUntilReady();
    this.events.push(events);
    return heard;
  }

  /** A worker in this process. */
  async worker(name = 'here', log: Logger = pino({ level: 'silent' })): Promise<RunningWorker> {
    const worker = await startWorker(await readConfig(this.env(name)), log);
    this.workers.push(worker);
    return worker;
  }

  /** A worker in a process of its own: the built program. */
  async process(name: string): Promise<WorkerProcess> {
    const child = spawn(process.execPath, [workerProgram], {
      env: { PATH: process.env['PATH'] ?? '', ...this.env(name) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += String(chunk)));
    const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exited = once(child, 'exit') as Promise<[number | null]>;
      child.kill(signal);
      return (await exited)[0];
    };
    const started = { child, stop, log: () => text };
    this.children.push(started);
    await until(() => text.includes('worker is ready') || child.exitCode !== null, 'the worker starts');
    if (child.exitCode !== null) throw new Error(`the worker did not start:\n${text}`);
    return started;
  }

  /** The data may be anything, for the worker must check it. */
  async add(job: { readonly id: string; readonly [field: string]: unknown }): Promise<string> {
    await this.place.queue.add('job', job, { jobId: job.id, attempts: 3 });
    return job.id;
  }

  async job(id: string): Promise<QueuedJob> {
    const job = await this.place.queue.getJob(id);
    if (!job) throw new Error(`the queue has no job ${id}`);
    return job;
  }

  async progress(id: string): Promise<JobProgress | null> {
    const parsed = JobProgress.safeParse((await this.job(id)).progress);
    return parsed.success ? parsed.data : null;
  }

  /** As the control plane does it. */
  async cancel(id: string): Promise<void> {
    const job = await this.job(id);
    await job.updateData({ ...(job.data as object), cancelRequested: true });
  }

  async ended(id: string, limitMs = 45_000): Promise<QueuedJob> {
    await until(
      async () => ['completed', 'failed'].includes(await (await this.job(id)).getState()),
      `job ${id} ends`,
      limitMs,
    );
    return this.job(id);
  }

  /** The return value of a job that must succeed. */
  async result(id: string): Promise<unknown> {
    const job = await this.ended(id);
    if (job.failedReason) throw new Error(job.failedReason);
    return job.returnvalue;
  }

  /** The digits' files in this store. */
  async digitsFiles(): Promise<DatasetFile[]> {
    const files = [];
    for (const path of ['dataset.json', 'digits.csv.gz'])
      files.push({ path, ...(await this.blobs.put(createReadStream(join(digitsFolder, path)))) });
    return files;
  }

  async digits(files?: readonly DatasetFile[]): Promise<DatasetRef> {
    const text = datasetText(files ?? (await this.digitsFiles()));
    const { digest } = await this.blobs.put(new TextEncoder().encode(text));
    const labels = Array.from({ length: 10 }, (_, i) => String(i));
    return { id: randomUUID(), name: 'digits', format: 'csv', digest, labels, preprocess: null, split: 'digits-v1' };
  }

  async trainJob(config: object = {}): Promise<TrainJob> {
    return {
      id: randomUUID(),
      projectId: randomUUID(),
      cancelRequested: false,
      kind: 'train',
      model: 'digits',
      dataset: await this.digits(),
      config: TrainingConfig.parse({
        model: { architecture: 'lenet' },
        epochs: 2,
        optimizer: { name: 'adamw', learningRate: 0.003 },
        ...config,
      }),
      teacher: null,
    };
  }

  async close(): Promise<void> {
    for (const child of this.children) await child.stop('SIGKILL');
    for (const worker of this.workers) await worker.close();
    for (const events of this.events) await events.close();
    await this.place.remove();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Looks again and again; the limit only ends a test that would never end. */
export async function until(good: () => boolean | Promise<boolean>, what: string, limitMs = 30_000): Promise<void> {
  for (const end = Date.now() + limitMs; !(await good()); await new Promise((resolve) => setTimeout(resolve, 50)))
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
}
