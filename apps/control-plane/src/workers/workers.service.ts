/** Who takes jobs from the queue: heard through it, written down, and missed when nobody does. */
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Id, visibleText, WORKER_LOST_MS, WorkerBeat } from '@verge/contracts';
import type { Logger } from 'pino';
import { RepeatedTask } from '../background.js';
import { LOGGER } from '../core.js';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { List, ProblemError, type AnyCaller, type InputOf } from '../http/index.js';
import { toJson } from '../json.js';
import type { Sample } from '../site/metrics.js';
import { workerIn } from './conditions.js';
import { presentWorker, runsOf, type StoredRun } from './present.js';

type Row = Prisma.WorkerGetPayload<object>;

const dayMs = 24 * 3_600_000;
/** Those that are gone are shown for so long. */
const KEEP_MS = 7 * dayMs;
/** A job that waits for less has not been forgotten: somebody may be about to take it. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 30_000;

const listAt = (now: Date) =>
  new List<'workers.list', Prisma.WorkerWhereInput>({
    search: ['name', 'host'],
    sorts: {
      lastSeenAt: [{ path: 'lastSeenAt', kind: 'time' }],
      startedAt: [{ path: 'startedAt', kind: 'time' }],
      name: [{ path: 'name', kind: 'text' }],
    },
    filters: { state: (states) => ({ OR: states.map((state) => workerIn(state, now)) }) },
  });

/** Jobs that wait while no worker listens. */
export interface Waiting {
  readonly jobs: number;
  readonly since: Date;
}

@Injectable()
export class WorkersService implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Nobody can have been heard before. */
  private readonly began = Date.now();
  private readonly looking: RepeatedTask;
  private missed = false;
  /** The beat that is being written: those of one worker are written in the order in which they were said. */
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const task = (): Promise<void> => this.look(new Date());
    this.looking = new RepeatedTask({ name: 'looking for workers', everyMs: LOOK_MS, task, log });
  }

  onApplicationBootstrap(): void {
    this.looking.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.looking.stop();
  }

  /** One beat, as the queue delivered it. What is not of the agreed form is told, and changes nothing. */
  async hear(said: unknown): Promise<void> {
    const parsed = WorkerBeat.safeParse(jsonOf(said));
    if (!parsed.success) {
      this.log.warn(
        { problem: parsed.error.message },
        'a worker spoke in a form that this control plane does not know',
      );
      return;
    }
    const now = new Date();
    const written = this.writing.then(() => this.write(parsed.data, now));
    this.writing = written.catch(() => undefined);
    await written;
  }

  async list(caller: AnyCaller, { query }: InputOf<'workers.list'>) {
    const now = new Date();
    return await listAt(now).read(query, {
      projectId: '',
      where: {},
      rows: (args) => this.database.worker.findMany(args),
      count: (args) => this.database.worker.count(args),
      present: (rows) => this.present(caller, rows, now),
    });
  }

  async get(caller: AnyCaller, id: string) {
    const row = Id.safeParse(id).success ? await this.database.worker.findUnique({ where: { id } }) : null;
    if (!row) throw ProblemError.notFound('worker', id);
    return (await this.present(caller, [row], new Date()))[0]!;
  }

  /** The jobs of each project that wait for a worker, when none listens; empty otherwise. */
  async waiting(now: Date, projectId?: string): Promise<Map<string, Waiting>> {
    if (now.getTime() - this.began < WORKER_LOST_MS) return new Map();
    const { rows } = await this.database.pool.query<Waiting & { projectId: string }>(
      `SELECT project_id AS "projectId", count(*)::int AS jobs, min(created_at) AS since FROM jobs
       WHERE state = 'queued' AND created_at < $1 AND ($2::uuid IS NULL OR project_id = $2)
         AND NOT EXISTS (SELECT FROM workers WHERE left_at IS NULL AND online_until > $3)
       GROUP BY 1`,
      [new Date(now.getTime() - PATIENCE_MS), projectId ?? null, now],
    );
    return new Map(rows.map(({ projectId: id, jobs, since }) => [id, { jobs, since }]));
  }

  async samples(now = new Date()): Promise<Sample[]> {
    const online = await this.database.worker.findMany({ where: workerIn('online', now), orderBy: { id: 'asc' } });
    const lost = await this.database.worker.count({ where: workerIn('lost', now) });
    const state = (name: string, value: number): Sample => [
      'verge_workers',
      'Workers. One that is lost fell silent within the last seven days without saying that it leaves.',
      'gauge',
      { state: name },
      value,
    ];
    const each = (name: string, help: string, value: (row: Row) => number) =>
      online.map((row): Sample => [
        name,
        help,
        'gauge',
        { worker: row.name, id: row.id, version: row.version },
        value(row),
      ]);
    return [
      state('online', online.length),
      state('lost', lost),
      ...each('verge_worker_jobs', 'Jobs that a worker has in hand.', (row) => runsOf(row).length),
      ...each('verge_worker_last_seen_timestamp_seconds', 'When a worker was last heard.', (row) =>
        Math.floor(row.lastSeenAt.getTime() / 1000),
      ),
    ];
  }

  private async write({ running, uptimeSeconds, leaving, ...beat }: WorkerBeat, now: Date): Promise<void> {
    const before = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);
    const runs = running.map(({ seconds, ...run }): StoredRun => ({ ...run, since: before(seconds).toISOString() }));
    const seen = {
      lastSeenAt: now,
      onlineUntil: new Date(now.getTime() + WORKER_LOST_MS),
      leftAt: leaving ? now : null,
      running: toJson(leaving ? [] : runs),
    };
    const { id, cores, memoryBytes } = beat;
    const texts = {
      name: visibleText(beat.name),
      version: visibleText(beat.version),
      engineVersion: visibleText(beat.engineVersion),
      host: visibleText(beat.host),
      platform: visibleText(beat.platform),
    };
    const created = { id, ...texts, cores, memoryBytes, startedAt: before(uptimeSeconds), ...seen };
    // An id is that of one process: one that has left stays so, whatever another control plane has yet to write of it.
    const where = { id, leftAt: null };
    const update = () => this.database.worker.updateMany({ where, data: { ...texts, ...seen } });
    if ((await update()).count > 0) return;
    const made = await this.database.worker.createMany({ data: [created], skipDuplicates: true });
    if (made.count === 0) await update();
  }

  /** Forgets those that are gone for long, and says once in the log when jobs wait for nobody, and when they do no more. */
  private async look(now: Date): Promise<void> {
    await this.database.worker.deleteMany({ where: { lastSeenAt: { lt: new Date(now.getTime() - KEEP_MS) } } });
    const waiting = [...(await this.waiting(now)).values()];
    const jobs = waiting.reduce((sum, project) => sum + project.jobs, 0);
    if (jobs > 0 && !this.missed) this.log.warn({ jobs }, 'jobs wait, and no worker listens');
    if (jobs === 0 && this.missed) this.log.info('no job waits for want of a worker any more');
    this.missed = jobs > 0;
  }

  private async present(caller: AnyCaller, rows: Row[], now: Date) {
    const jobs = await this.database.job.findMany({
      where: {
        id: { in: rows.flatMap((row) => runsOf(row).map((run) => run.job)) },
        project: {
          memberships: { some: { userId: caller.user.id } },
          ...(caller.credential.projectId === null ? {} : { id: caller.credential.projectId }),
        },
      },
      select: { id: true, project: { select: { slug: true } } },
    });
    const projects = new Map(jobs.map(({ id, project }) => [id, project.slug]));
    return rows.map((row) => presentWorker(row, projects, now));
  }
}

function jsonOf(said: unknown): unknown {
  try {
    return typeof said === 'string' ? JSON.parse(said) : said;
  } catch {
    return undefined;
  }
}
