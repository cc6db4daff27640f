/**
 * The life of a job. The queue says what is true of it; `converge` brings the database there. It runs on every event of
 * the queue, on boot and every little while, and does nothing where there is nothing to do, so that a lost event, a
 * control plane that was down and two control planes at once all end in the same state.
 */
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  isFinal,
  Job as JobPayload,
  jobLifecycle,
  JobProgress,
  transition,
  visibleText,
  type JobEvent,
  type JobKind,
} from '@verge/contracts';
import type { Logger } from 'pino';
import { AuditService, systemActor } from '../audit/audit.service.js';
import type { ControlPlaneConfig } from '../config.js';
import { RepeatedTask } from '../background.js';
import { CONFIG, LOGGER } from '../core.js';
import { DatabaseService, type Db, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus, type ChangeType } from '../events/event-bus.js';
import { ProblemError } from '../http/problem-error.js';
import type { ProjectCaller } from '../http/request.js';
import { fromNullable, sameJson, toJson } from '../json.js';
import { KeyedChain } from './keyed-chain.js';
import { openQueue, type JobQueue, type QueuedJob } from './queue.js';
import { WorkersService } from '../workers/workers.service.js';
import { JobResults, ResultRefused, type CheckedResult } from './results.js';
import { pointEvent, progressEvent, stateEvent, workTopic } from './work-row.js';

type JobRow = Prisma.JobGetPayload<object>;

const RECONCILE_MS = 15_000;
/** A job that was just added may not be visible yet. */
const LOST_AFTER_MS = 10_000;
/** A queue that loses a job that often (a Redis that evicts keys) does not get it again. */
const MOST_ATTEMPTS = 10;

const changeOf = { train: 'training', compress: 'compression', evaluate: 'evaluation' } as const satisfies Record<
  JobKind,
  ChangeType
>;

export interface NewJob {
  projectId: string;
  createdBy: string;
  payload: JobPayload;
}

@Injectable()
export class JobsService implements OnApplicationBootstrap, OnApplicationShutdown {
  private queue!: JobQueue;
  private reconciling: RepeatedTask | undefined;
  private closed = false;
  private readonly chain = new KeyedChain();

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(JobResults) private readonly results: JobResults,
    @Inject(WorkersService) private readonly workers: WorkersService,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const listener = {
      onChange: (id: string) => this.startInOrder(id, () => this.converge(id)),
      onProgress: (id: string, progress: unknown) => this.startInOrder(id, () => this.recordProgress(id, progress)),
      onWorker: (beat: unknown) => this.hearWorker(beat),
    };
    const { redisUrl, startupWaitMs } = this.config;
    const where = { redisUrl, databaseUrl: this.database.url, limitMs: startupWaitMs };
    this.queue = await openQueue(where, listener, this.log);
    await this.reconcile();
    const { log } = this;
    const task = (): Promise<void> => this.reconcile();
    this.reconciling = new RepeatedTask({ name: 'looking at the open jobs', everyMs: RECONCILE_MS, task, log });
    this.reconciling.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    await this.reconciling?.stop();
    await this.chain.settled();
    // Not there when the start failed before it.
    await this.queue?.close();
  }

  get backend(): JobQueue['backend'] {
    return this.queue.backend;
  }

  counts(): Promise<{ waiting: number; active: number }> {
    return this.queue.counts();
  }

  /** In the caller's transaction; `enqueue` follows once that is committed, and reconciliation does so if it cannot. */
  async create(db: Db, { projectId, createdBy, payload }: NewJob): Promise<JobRow> {
    const { id, kind } = payload;
    return await db.job.create({ data: { id, projectId, kind, createdBy, payload: toJson(payload) } });
  }

  async enqueue(id: string): Promise<void> {
    await this.inOrder(id, () => this.converge(id));
  }

  /** @throws LifecycleError for a job that is over; ProblemError NOT_FOUND */
  async cancel(projectId: string, id: string, kind: JobKind): Promise<void> {
    const found = await this.database.job.findFirst({ where: { id, projectId, kind } });
    if (!found) throw ProblemError.notFound(changeOf[kind], id);
    transition(jobLifecycle, found.state, 'cancel');
    await this.chain.run(id, async () => {
      await this.advance(id, 'cancel', { cancelRequested: true });
      await this.converge(id);
    });
  }

  /**
   * Deletes work that is over, with what it reported. What the queue still knows of it goes too.
   * @throws ProblemError STATE_CONFLICT for work that is not over, IN_USE while what it made exists
   */
  async delete(caller: ProjectCaller, work: { id: string; kind: JobKind; name: string }): Promise<void> {
    const { id, name } = work;
    const kind = changeOf[work.kind];
    const also = async (db: Db): Promise<Prisma.InputJsonObject> => {
      const { state } = await db.job.findUniqueOrThrow({ where: { id }, select: { state: true } });
      if (isFinal(jobLifecycle, state)) return { state };
      throw new ProblemError('STATE_CONFLICT', `the ${kind} ${name} is ${state}: cancel it first`);
    };
    await this.deletions.delete(caller, { kind, id, name, also });
    await this.queue.forget(id).catch((err: unknown) => {
      // It is over there too, and is dropped when its time has come.
      this.log.warn({ err, job: id }, 'a deleted job could not be taken out of the queue');
    });
  }

  /** Every job that is not over, against the queue. */
  async reconcile(): Promise<void> {
    const open = await this.database.job.findMany({
      where: { state: { in: ['queued', 'running', 'cancelling'] } },
      select: { id: true },
    });
    await Promise.all(open.map(({ id }) => this.inOrder(id, () => this.converge(id))));
  }

  /** One thing at a time for each job; a failure is logged, and the next reconciliation tries again. */
  private async inOrder(id: string, act: () => Promise<void>): Promise<void> {
    if (this.closed) return;
    await this.chain.run(id, act).catch((err: unknown) => this.tellFailure(id, err));
  }

  private startInOrder(id: string, act: () => Promise<void>): void {
    if (!this.closed) this.chain.run(id, act).catch((err: unknown) => this.tellFailure(id, err));
  }

  private hearWorker(beat: unknown): void {
    this.workers.hear(beat).catch((err: unknown) => {
      if (!this.closed) this.log.warn({ err }, 'what a worker said of itself could not be written down');
    });
  }

  private tellFailure(id: string, err: unknown): void {
    if (!this.closed) this.log.error({ err, job: id }, 'the job could not be brought up to date; it is tried again');
  }

  private async converge(id: string): Promise<void> {
    const row = await this.database.job.findUnique({ where: { id } });
    if (!row || isFinal(jobLifecycle, row.state)) return;
    if (row.enqueuedAt === null) return await this.addToQueue(row);
    const queued = await this.queue.find(id);
    if (!queued) return await this.lost(row);
    if (queued.progress) await this.recordProgress(id, queued.progress);
    switch (queued.state) {
      case 'waiting':
        return await this.waits(row);
      case 'active':
        return await this.runs(row, queued);
      case 'completed':
        return await this.completed(row, queued);
      case 'failed':
        return await this.fail(id, queued.failedReason || 'the worker gave no reason', queued);
    }
  }

  /** Under the row's lock, so that a cancellation cannot slip between the look and the addition. */
  private async addToQueue(row: JobRow): Promise<void> {
    const cancelled = await this.database.$transaction(async (db) => {
      const now = await lockJob(db, row.id);
      if (now.enqueuedAt !== null || isFinal(jobLifecycle, now.state)) return false;
      if (now.cancelRequested) return true;
      await this.queue.add(JobPayload.parse(now.payload));
      await db.job.update({ where: { id: row.id }, data: { enqueuedAt: new Date() } });
      return false;
    });
    if (cancelled) await this.advance(row.id, 'acknowledge-cancel');
  }

  private async waits(row: JobRow): Promise<void> {
    if (row.cancelRequested && (await this.queue.removeIdle(row.id))) {
      await this.advance(row.id, 'acknowledge-cancel');
    } else if (row.state === 'running') {
      await this.advance(row.id, 'requeue');
    }
  }

  private async runs(row: JobRow, queued: QueuedJob): Promise<void> {
    if (row.cancelRequested) await this.queue.requestCancel(row.id);
    if (row.state === 'queued' || row.attempts !== queued.attempts) {
      const startedAt = row.startedAt ?? queued.startedAt ?? new Date();
      await this.advance(row.id, 'start', { attempts: queued.attempts, startedAt });
    }
  }

  /** The queue does not know the job any more: it was flushed, begun anew, or put back to an older state. */
  private async lost(row: JobRow): Promise<void> {
    if (Date.now() - row.enqueuedAt!.getTime() < LOST_AFTER_MS) return;
    if (row.cancelRequested) return await this.advance(row.id, 'acknowledge-cancel');
    if (row.attempts >= MOST_ATTEMPTS) {
      return await this.fail(row.id, `the queue lost the job, which had begun ${row.attempts} times`, null);
    }
    if (row.state === 'running') await this.advance(row.id, 'requeue');
    if (await this.addAgain(row)) this.log.warn({ job: row.id }, 'the queue had lost the job and has it again');
  }

  /** Under the row's lock: of two control planes that see the loss, one adds the job. */
  private async addAgain(row: JobRow): Promise<boolean> {
    return await this.database.$transaction(async (db) => {
      const now = await lockJob(db, row.id);
      const seen = now.enqueuedAt?.getTime() === row.enqueuedAt!.getTime();
      if (!seen || now.cancelRequested || isFinal(jobLifecycle, now.state)) return false;
      const progress = fromNullable(JobProgress, now.progress);
      await this.queue.addAgain(JobPayload.parse(now.payload), { attempts: now.attempts, progress });
      await db.job.update({ where: { id: row.id }, data: { enqueuedAt: new Date() } });
      return true;
    });
  }

  private async completed(row: JobRow, queued: QueuedJob): Promise<void> {
    let checked: CheckedResult;
    try {
      checked = await this.results.check(row, queued.result);
    } catch (error) {
      if (!(error instanceof ResultRefused)) throw error;
      return await this.fail(row.id, error.message, queued);
    }
    const cancelled = checked.result.kind === 'cancelled';
    await this.advance(row.id, cancelled ? 'acknowledge-cancel' : 'succeed', timesOf(row, queued), checked);
  }

  private async fail(id: string, error: string, queued: QueuedJob | null): Promise<void> {
    const row = await this.database.job.findUniqueOrThrow({ where: { id } });
    await this.advance(id, 'fail', {
      ...(queued ? timesOf(row, queued) : {}),
      error: visibleText(error.slice(0, 4000), 'free'),
    });
  }

  /** One step of the lifecycle with all that belongs to it, in one transaction. A job that is over by then stays as it is. */
  private async advance(
    id: string,
    event: JobEvent,
    data: Prisma.JobUpdateInput = {},
    checked?: CheckedResult,
  ): Promise<void> {
    const done = await this.database.$transaction(async (db) => {
      const row = await lockJob(db, id);
      if (isFinal(jobLifecycle, row.state)) return null;
      const state = transition(jobLifecycle, row.state, event);
      const made = checked ? await this.results.apply(db, row, checked) : [];
      const over = isFinal(jobLifecycle, state);
      const finishedAt = over ? (data.finishedAt ?? new Date()) : null;
      const next = await db.job.update({ where: { id }, data: { ...data, state, finishedAt } });
      if (over) await this.recordEnd(db, next);
      return { row: next, made };
    });
    if (!done) return;
    const { row, made } = done;
    this.bus.publish(workTopic(id), stateEvent(row));
    this.bus.changed(row.projectId, changeOf[row.kind], id);
    for (const { type, id: madeId } of made) this.bus.changed(row.projectId, type, madeId);
  }

  private async recordEnd(db: Db, row: JobRow): Promise<void> {
    const noun = changeOf[row.kind];
    const action = `${noun}.${row.state === 'succeeded' ? 'succeed' : row.state === 'failed' ? 'fail' : 'cancelled'}`;
    const subject = { kind: noun, id: row.id, name: row.id };
    const detail = row.error ? { error: row.error } : {};
    await this.audit.record({ actor: systemActor, projectId: row.projectId, action, subject, detail }, db);
  }

  private async recordProgress(id: string, reported: unknown): Promise<void> {
    const parsed = JobProgress.safeParse(reported);
    if (!parsed.success) return;
    const progress = parsed.data;
    const row = await this.database.job.findUnique({ where: { id } });
    if (!row || isFinal(jobLifecycle, row.state) || sameJson(row.progress, progress)) return;
    await this.database.job.update({ where: { id }, data: { progress: toJson(progress) } });
    const { point } = progress;
    if (point && row.kind === 'train') {
      const key = { trainingId: id, epoch: point.epoch };
      const value = { point: toJson(point) };
      await this.database.trainingPoint.upsert({
        where: { trainingId_epoch: key },
        create: { ...key, ...value },
        update: value,
      });
    }
    this.bus.publish(workTopic(id), progressEvent(progress));
    if (point) this.bus.publish(workTopic(id), pointEvent(point));
    this.bus.changed(row.projectId, changeOf[row.kind], id);
  }
}

async function lockJob(db: Db, id: string): Promise<JobRow> {
  await db.$queryRaw`SELECT id FROM jobs WHERE id = ${id}::uuid FOR UPDATE`;
  return await db.job.findUniqueOrThrow({ where: { id } });
}

function timesOf(row: JobRow, queued: QueuedJob): Prisma.JobUpdateInput {
  return {
    attempts: queued.attempts,
    startedAt: row.startedAt ?? queued.startedAt,
    finishedAt: queued.finishedAt ?? new Date(),
  };
}
