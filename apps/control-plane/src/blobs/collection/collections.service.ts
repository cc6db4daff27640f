/** Collections of blobs: by themselves when it is time, and by hand. Each run is a row that says what came of it. */
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import type { BlobCollection, BlobUsage } from '@verge/contracts';
import type { Logger } from 'pino';
import { actorOf, AuditService, nameOf, systemActor, type Actor } from '../../audit/audit.service.js';
import { RepeatedTask } from '../../background.js';
import type { ControlPlaneConfig } from '../../config.js';
import { BLOBS, CONFIG, LOGGER } from '../../core.js';
import { DatabaseService, type Prisma } from '../../database/database.service.js';
import { List, ProblemError, type AnyCaller, type InputOf } from '../../http/index.js';
import { CollectionBusy, Collector, type Found } from './collector.js';
import { MarkRefused } from './mark.js';

/** How often it is asked whether a collection is due. */
const LOOK_MS = 10 * 60_000;
const PROJECTS = 100;
const hourMs = 3_600_000;

type Row = Prisma.BlobCollectionGetPayload<object>;

const collections = new List<'blobs.collections', Prisma.BlobCollectionWhereInput>({
  sorts: { createdAt: [] },
  filters: {},
});

@Injectable()
export class BlobCollections implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly looking: RepeatedTask;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(BLOBS) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {
    const task = (): Promise<void> => this.collectWhenDue();
    this.looking = new RepeatedTask({ name: 'collecting unused blobs', everyMs: LOOK_MS, task, log });
  }

  onApplicationBootstrap(): void {
    if (this.config.blobCollection.everyMs > 0) this.looking.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.looking.stop();
    await this.running;
  }

  async usage(): Promise<BlobUsage> {
    const { graceMs, everyMs } = this.config.blobCollection;
    const [held, projects, running, last, look] = await Promise.all([
      this.held(),
      this.ofProjects(),
      this.newest({ state: 'running' }),
      this.newest({ state: { not: 'running' }, dryRun: false }),
      this.newest({ state: 'finished', dryRun: true }),
    ]);
    const current = look !== null && (last === null || look.startedAt > last.startedAt);
    return {
      held,
      projects: projects.slice(0, PROJECTS),
      moreProjects: Math.max(0, projects.length - PROJECTS),
      graceHours: graceMs / hourMs,
      everyHours: everyMs / hourMs,
      running: running && present(running),
      last: last && present(last),
      collectable: current ? { ...present(look).freed, at: look.startedAt.toISOString() } : null,
    };
  }

  async list({ query }: InputOf<'blobs.collections'>) {
    return await collections.read(query, {
      projectId: '',
      where: {},
      rows: (args) => this.database.blobCollection.findMany(args),
      count: (args) => this.database.blobCollection.count(args),
      present: (rows) => rows.map(present),
    });
  }

  /** @throws ProblemError NOT_FOUND */
  async get(id: string): Promise<BlobCollection> {
    const row = await this.database.blobCollection.findUnique({ where: { id } });
    if (row === null) throw new ProblemError('NOT_FOUND', `there is no collection ${JSON.stringify(id)}`);
    return present(row);
  }

  /** Begins, and answers at once. @throws ProblemError STATE_CONFLICT while another one is under way */
  async begin(caller: AnyCaller, { body }: InputOf<'blobs.collect'>): Promise<BlobCollection> {
    const collector = await this.open();
    const id = await this.record(collector, body.dryRun, nameOf(caller));
    const work = this.carryOut(collector, id, body.dryRun, actorOf(caller));
    this.running = Promise.all([this.running, work]).then(() => undefined);
    return await this.get(id);
  }

  private async collectWhenDue(): Promise<void> {
    const last = await this.newest({ dryRun: false });
    const { everyMs } = this.config.blobCollection;
    if (last !== null && Date.now() - last.startedAt.getTime() < everyMs) return;
    const collector = await this.open().catch((error: unknown) => {
      if (error instanceof ProblemError) return null;
      throw error;
    });
    if (collector === null) return;
    const id = await this.record(collector, false, systemActor.name);
    await this.carryOut(collector, id, false, systemActor);
  }

  private async open(): Promise<Collector> {
    const { graceMs } = this.config.blobCollection;
    const options = { databaseUrl: this.database.url, store: this.store, graceMs, stopping: () => this.stopped };
    return await Collector.open(options).catch((error: unknown) => {
      if (error instanceof CollectionBusy)
        throw new ProblemError('STATE_CONFLICT', error.message, [], { cause: error });
      throw error;
    });
  }

  /** Under the collector's lock, so that a row that still says running is of one that was cut off. */
  private async record(collector: Collector, dryRun: boolean, requestedBy: string): Promise<string> {
    try {
      const broken = { state: 'failed', reason: 'it was cut off; the next one goes on', finishedAt: new Date() };
      await this.database.blobCollection.updateMany({ where: { state: 'running' }, data: broken });
      return (await this.database.blobCollection.create({ data: { dryRun, requestedBy } })).id;
    } catch (error) {
      await collector.close();
      throw error;
    }
  }

  private async carryOut(collector: Collector, id: string, dryRun: boolean, actor: Actor): Promise<void> {
    let end: { state: string; reason: string };
    try {
      await collector.run(dryRun);
      end = { state: 'finished', reason: '' };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      end = { state: error instanceof MarkRefused ? 'refused' : 'failed', reason };
      this.log.warn({ err: error, collection: id }, 'the collection of blobs did not come to its end');
    }
    try {
      await this.database.blobCollection.update({
        where: { id },
        data: { ...end, finishedAt: new Date(), ...columnsOf(collector.found) },
      });
      if (!dryRun) await this.tell(id, actor, end, collector.found);
    } catch (err) {
      this.log.error({ err, collection: id }, 'what came of a collection of blobs could not be written down');
    } finally {
      await collector.close();
    }
  }

  private async tell(id: string, actor: Actor, end: { state: string; reason: string }, found: Found): Promise<void> {
    const { freed, givenUp } = found;
    const action = `blobs.${end.state === 'finished' ? 'collect' : end.state === 'refused' ? 'refuse' : 'fail'}`;
    const detail = {
      freedBlobs: freed.blobs,
      freedBytes: freed.bytes,
      givenUp,
      ...(end.reason ? { reason: end.reason } : {}),
    };
    const subject = { kind: 'blob-collection', id, name: id };
    await this.audit.record({ actor, projectId: null, action, subject, detail });
    this.log.info({ ...detail, state: end.state }, 'unused blobs collected');
  }

  private async newest(where: Prisma.BlobCollectionWhereInput): Promise<Row | null> {
    return await this.database.blobCollection.findFirst({ where, orderBy: { startedAt: 'desc' } });
  }

  private async held(): Promise<{ blobs: number; bytes: number }> {
    const { rows } = await this.database.pool.query<{ blobs: string; bytes: string }>(
      `SELECT count(*) AS blobs, coalesce(sum(bytes), 0) AS bytes
       FROM (SELECT digest, max(bytes) AS bytes FROM blob_references GROUP BY digest) AS each`,
    );
    return { blobs: Number(rows[0]!.blobs), bytes: Number(rows[0]!.bytes) };
  }

  private async ofProjects(): Promise<BlobUsage['projects']> {
    const { rows } = await this.database.pool.query<{ project: string; blobs: string; bytes: string }>(
      `SELECT p.slug AS project, count(*) AS blobs, sum(r.bytes) AS bytes
       FROM blob_references r JOIN projects p ON p.id = r.project_id WHERE p.deleted_at IS NULL
       GROUP BY p.slug ORDER BY sum(r.bytes) DESC, p.slug`,
    );
    return rows.map(({ project, blobs, bytes }) => ({ project, blobs: Number(blobs), bytes: Number(bytes) }));
  }
}

const columnsOf = ({ held, young, freed, givenUp }: Found) => ({
  heldBlobs: held.blobs,
  heldBytes: held.bytes,
  youngBlobs: young.blobs,
  youngBytes: young.bytes,
  freedBlobs: freed.blobs,
  freedBytes: freed.bytes,
  givenUp,
});

const present = (row: Row): BlobCollection => ({
  id: row.id,
  dryRun: row.dryRun,
  state: row.state as BlobCollection['state'],
  reason: row.reason,
  requestedBy: row.requestedBy,
  startedAt: row.startedAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
  held: { blobs: Number(row.heldBlobs), bytes: Number(row.heldBytes) },
  young: { blobs: Number(row.youngBlobs), bytes: Number(row.youngBytes) },
  freed: { blobs: Number(row.freedBlobs), bytes: Number(row.freedBytes) },
  givenUp: Number(row.givenUp),
});
