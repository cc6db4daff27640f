/** The queue's consumer: takes a job, runs it, hands back its result. It never writes the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openBlobStore } from '@verge/blobs';
import {
  type JobProgress,
  JobProgress as JobProgressSchema,
  type JobResult,
  type TrainShardResult,
  WorkerJob,
} from '@verge/contracts';
import { probeHardware } from '@verge/runtime';
import { type Job, UnrecoverableError, WaitingChildrenError, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { builderKey } from './builder-key.js';
import { watchCancellation } from './cancellation.js';
import type { WorkerConfig } from './config.js';
import { connect, type Connection, type JobQueue } from './connection.js';
import { follow, type Move } from './follow.js';
import { startHeartbeat } from './heartbeat.js';
import { JobCancelled, type JobContext, LockLost, WorkerStopping } from './job-context.js';
import { runCompression } from './jobs/compress.js';
import { runEvaluation } from './jobs/evaluate.js';
import { runTraining } from './jobs/train.js';
import { runShard } from './jobs/train-shard.js';
import { isPermanent } from './permanent.js';
import { type InHand, startPresence } from './presence.js';
import { shardFlow } from './shard-flow.js';

const QUEUE_ASKED_EVERY_MS = 1_000;
/** A report to a Redis that is away waits for it; the work does not wait longer than this. */
const REPORT_MS = 1_000;
/** A queue that is left gets this long to take back what this worker has in hand. */
const LEAVE_MS = 5_000;
/** A new queue gets this long to answer, before what the control plane wrote down is read again. */
const READY_MS = 15_000;

export interface RunningWorker {
  /** Ends the job in hand (it goes back to the queue) and leaves. */
  close(): Promise<void>;
}

function run(data: WorkerJob, context: JobContext): Promise<JobResult | TrainShardResult> {
  switch (data.kind) {
    case 'train':
      return runTraining(data, context);
    case 'train-shard':
      return runShard(data, context);
    case 'compress':
      return runCompression(data, context);
    case 'evaluate':
      return runEvaluation(data, context);
  }
}

/** Progress that an earlier attempt left, null on the first. */
function leftBehind(job: Job): JobProgress | null {
  const parsed = JobProgressSchema.safeParse(job.progress);
  return parsed.success ? parsed.data : null;
}

/**
 * Progress reports of one attempt: each update is merged into the last, for a report replaces the one before it. The work
 * does not end because a queue that is away for a moment does not hear of it: the next report says all of it.
 */
function reporter(job: Job, attempt: number, previous: JobProgress | null, log: Logger): JobContext['progress'] {
  // The checkpoint stays named from the first report on, so that a second kill does not lose it.
  const checkpoint = previous?.checkpoint ?? null;
  let progress: JobProgress = { stage: 'start', fraction: 0, message: '', point: null, checkpoint, attempt };
  return async (update) => {
    progress = { ...progress, ...update, attempt };
    const told = job
      .updateProgress(progress)
      .catch((err: unknown) => log.warn({ err }, 'the queue did not take the progress'));
    await Promise.race([told, sleep(REPORT_MS, undefined, { ref: false })]);
  };
}

/** A result is handed to a queue that answers: with one that is away, the attempt would be lost. */
async function untilQueueAnswers(queue: JobQueue, signal: AbortSignal, log: Logger): Promise<void> {
  for (;;) {
    const error: unknown = await queue.getJob('answers').then(
      () => undefined,
      (err: unknown) => err ?? new Error('no answer'),
    );
    if (error === undefined) return;
    log.warn({ err: error }, 'the queue does not answer; the result waits for it');
    await sleep(QUEUE_ASKED_EVERY_MS);
    signal.throwIfAborted();
  }
}

interface Deployment {
  readonly base: Pick<JobContext, 'blobs' | 'builder'>;
  readonly log: Logger;
  /** Aborted when this worker goes down. */
  readonly stopping: AbortSignal;
  readonly cancelRequested: (id: string) => Promise<boolean>;
  readonly queue: () => JobQueue;
  /** Jobs in hand. */
  readonly running: Map<string, Running>;
  /** Called when a job was begun or ended. */
  readonly changed: () => void;
}

interface Running extends InHand {
  readonly controller: AbortController;
}

async function work(
  job: Job,
  token: string | undefined,
  deployment: Deployment,
): Promise<JobResult | TrainShardResult> {
  const parsed = WorkerJob.safeParse(job.data);
  if (!parsed.success) throw new UnrecoverableError(`the job is not of the agreed form: ${parsed.error.message}`);
  const { base, stopping, cancelRequested, running, changed } = deployment;
  const id = job.id ?? '';
  const controller = new AbortController();
  const { signal } = controller;
  const before = parsed.data.kind === 'train-shard' ? 0 : (parsed.data.attemptsBefore ?? 0);
  const attempt = before + job.attemptsStarted;
  const previous = leftBehind(job);
  const log = deployment.log.child({ job: job.id, kind: parsed.data.kind });
  const stop = (): void => controller.abort(new WorkerStopping());
  stopping.addEventListener('abort', stop, { once: true });
  // A shard ends with the training that it belongs to.
  const watched = parsed.data.kind === 'train-shard' ? parsed.data.training : id;
  running.set(id, { controller, job: watched, kind: parsed.data.kind, began: performance.now() });
  changed();
  const endWatch = watchCancellation(() => cancelRequested(watched), controller);
  log.info({ attempt }, 'job starts');
  try {
    const progress = reporter(job, attempt, previous, log);
    const shards = shardFlow(job, token, deployment.queue());
    const result = await run(parsed.data, { ...base, shards, attempt, previous, signal, log, progress });
    await untilQueueAnswers(deployment.queue(), signal, log);
    log.info('job is done');
    return result;
  } catch (error) {
    if (error instanceof WaitingChildrenError) {
      log.info('job waits for its shards');
      throw error;
    }
    // An aborted engine call surfaces as an error of its own: the signal's reason is what happened.
    const reason: unknown = signal.aborted ? signal.reason : error;
    if (reason instanceof JobCancelled) {
      log.info('job is cancelled');
      return { kind: 'cancelled' };
    }
    if (reason instanceof WorkerStopping) {
      log.info('job goes back to the queue');
      await job.moveToWait(token);
      throw new WaitingError();
    }
    log.error({ err: reason }, 'job failed');
    // What would fail the same way again is not tried again.
    if (isPermanent(reason)) throw new UnrecoverableError(reason.message);
    throw reason;
  } finally {
    endWatch();
    running.delete(id);
    changed();
    stopping.removeEventListener('abort', stop);
  }
}

/** A worker at one queue and one blob store. */
interface Attachment {
  readonly connection: Connection;
  readonly running: ReadonlyMap<string, Running>;
  /** Ends the job in hand (it goes back to the queue) and leaves. */
  close(): Promise<void>;
}

/**
 * @param changed called when a job was begun or ended
 * @param readyMs how long the queue may take to answer; without it, as long as it takes
 */
async function attach(config: WorkerConfig, log: Logger, changed: () => void, readyMs?: number): Promise<Attachment> {
  const blobs = await openBlobStore(config.blobs);
  const base = { blobs, builder: { name: config.name, signer: await builderKey(config.dataDir) } };
  const stopping = new AbortController();
  const cancelRequested = async (id: string): Promise<boolean> => {
    const job = await connection.queue.getJob(id);
    return (job?.data as { cancelRequested?: boolean } | undefined)?.cancelRequested === true;
  };
  const running = new Map<string, Running>();
  const deployment: Deployment = {
    base,
    log,
    stopping: stopping.signal,
    cancelRequested,
    running,
    changed,
    queue: () => connection.queue,
  };
  const connection: Connection = connect(config, (job, token) => work(job, token, deployment));
  for (const part of [connection.worker, connection.queue])
    part.on('error', (error) => log.warn({ err: error }, 'queue'));
  connection.worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) running.get(id)?.controller.abort(new LockLost());
  });
  const close = async (): Promise<void> => {
    stopping.abort();
    await connection.worker.close();
    await connection.queue.close();
    await connection.disconnect();
  };
  const attachment = { connection, running, close };
  const ready = connection.worker.waitUntilReady();
  try {
    await (readyMs === undefined ? ready : within(readyMs, ready, 'the queue does not answer'));
  } catch (error) {
    await detach(attachment, log);
    throw error;
  }
  log.info({ name: config.name, queue: config.queue.kind }, 'worker is ready');
  return attachment;
}

async function within<T>(ms: number, promise: Promise<T>, otherwise: string): Promise<T> {
  const late = sleep(ms, undefined, { ref: false }).then(() => Promise.reject(new Error(otherwise)));
  return await Promise.race([promise, late]);
}

/** Leaves a queue that may be away: what is not given back in time is taken again when its lock runs out. */
async function detach({ connection, close }: Attachment, log: Logger): Promise<void> {
  const closed = close().catch((err: unknown) => log.warn({ err }, 'the old queue was not left cleanly'));
  await Promise.race([closed, sleep(LEAVE_MS, undefined, { ref: false })]);
  connection.cut();
}

export async function startWorker(config: WorkerConfig, log: Logger): Promise<RunningWorker> {
  const hardware = await probeHardware();
  let changed = (): void => undefined;
  let attachment: Attachment | undefined = await attach(config, log, () => changed());
  const presence = startPresence(
    config.name,
    hardware,
    async (beat) => {
      if (!attachment) throw new Error('this worker is at no queue');
      await attachment.connection.tell(beat);
    },
    () => attachment?.running.values() ?? [],
    log,
  );
  changed = presence.changed;
  const move = async (next: WorkerConfig, how: Move): Promise<void> => {
    if (how === 'address' && attachment) {
      attachment.connection.moveTo(next.queue.url);
      log.info({ at: new URL(next.queue.url).host }, 'the queue has moved; this worker follows it');
      return;
    }
    log.info(
      { queue: next.queue.kind },
      'the control plane names another queue or other blobs; this worker goes there',
    );
    const left = attachment;
    attachment = undefined;
    if (left) await detach(left, log);
    attachment = await attach(next, log, () => changed(), READY_MS);
    changed();
  };
  const endFollowing = config.readAgain ? follow(config, move, log) : undefined;
  const { heartbeatFile } = config;
  const alive = async (): Promise<void> => {
    if (!attachment) throw new Error('this worker is at no queue');
    await attachment.connection.queue.getJob('heartbeat');
  };
  const endHeartbeat = heartbeatFile ? startHeartbeat(heartbeatFile, alive) : undefined;
  return {
    close: async () => {
      await endFollowing?.();
      await endHeartbeat?.();
      await presence.leave();
      await attachment?.close();
    },
  };
}
