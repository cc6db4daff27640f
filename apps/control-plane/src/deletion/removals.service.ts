/**
 * What is left of things that are gone for everybody is deleted in the background, some rows at a time. What is to be done is a
 * row, written by the transaction that deleted the thing, so that it goes on after a restart, on any control plane.
 */
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Removal } from '@verge/contracts';
import type { Logger } from 'pino';
import { nameOf } from '../audit/audit.service.js';
import { RepeatedTask } from '../background.js';
import { LOGGER } from '../core-tokens.js';
import { DatabaseService, type Db, type Prisma } from '../database/database.service.js';
import { inTransaction } from '../database/transaction.js';
import { List } from '../http/list.js';
import type { InputOf } from '../http/operation.js';
import type { ProjectCaller } from '../http/request.js';
import { removalSteps, type RemovalKind, type RemovalStep } from './removal-steps.js';

const EVERY_MS = 2_000;
/** How long the removal of a project is told of after its end. */
const KEPT_MS = 30 * 86_400_000;
const removeLock = 0x7665_7272;

type Row = Prisma.RemovalGetPayload<object>;

const removalList = new List<'removals.list', Prisma.RemovalWhereInput>({ sorts: { createdAt: [] }, filters: {} });

const present = (row: Row): Removal => ({
  id: row.id,
  kind: row.kind as RemovalKind,
  name: row.name,
  stage: row.stage,
  removedRows: Number(row.removedRows),
  requestedBy: row.requestedBy,
  createdAt: row.createdAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
});

interface Subject {
  readonly id: string;
  readonly name: string;
}

@Injectable()
export class Removals implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly removing: RepeatedTask;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const task = (): Promise<void> => this.removeAll();
    this.removing = new RepeatedTask({ name: 'deleting what is left of deleted things', everyMs: EVERY_MS, task, log });
  }

  onApplicationBootstrap(): void {
    this.removing.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.removing.stop();
  }

  async ofDevice(db: Db, caller: ProjectCaller, device: Subject): Promise<void> {
    await this.record(db, caller, 'device', device);
  }

  async ofGroup(db: Db, caller: ProjectCaller, group: Subject): Promise<void> {
    await this.record(db, caller, 'group', group);
  }

  async ofProject(db: Db, caller: ProjectCaller): Promise<Removal> {
    const { id, slug } = caller.project;
    return present(await this.record(db, caller, 'project', { id, name: slug }));
  }

  async list({ query }: InputOf<'removals.list'>) {
    return await removalList.read(query, {
      projectId: '',
      where: {},
      rows: (args) => this.database.removal.findMany(args),
      count: (args) => this.database.removal.count(args),
      present: (rows) => rows.map(present),
    });
  }

  private async record(db: Db, caller: ProjectCaller, kind: RemovalKind, { id, name }: Subject): Promise<Row> {
    const data = { kind, subjectId: id, projectId: caller.project.id, name, requestedBy: nameOf(caller) };
    return await db.removal.create({ data });
  }

  private async removeAll(): Promise<void> {
    const open = await this.database.removal.findMany({ where: { finishedAt: null }, orderBy: { id: 'asc' } });
    for (const { id, kind, subjectId, name } of open) {
      if (this.removing.ending) return;
      if (await this.remove(id, kind as RemovalKind, subjectId)) this.log.info({ kind, name }, 'deleted for good');
    }
    await this.database.removal.deleteMany({ where: { finishedAt: { lt: new Date(Date.now() - KEPT_MS) } } });
  }

  /** @returns whether nothing is left, and the removal is done with */
  private async remove(id: string, kind: RemovalKind, subjectId: string): Promise<boolean> {
    for (const step of removalSteps[kind]) {
      for (let rows = -1; rows !== 0;) {
        if (this.removing.ending) return false;
        const done = await this.batch(id, step, subjectId);
        if (done === 'later') return false;
        rows = done;
      }
    }
    // Of a device or a group it says nothing then that the audit does not; who deleted a project may look for its end.
    if (kind !== 'project') return (await this.database.removal.deleteMany({ where: { id } })).count > 0;
    const end = { finishedAt: new Date(), stage: 'done' };
    return (await this.database.removal.updateMany({ where: { id, finishedAt: null }, data: end })).count > 0;
  }

  /** The rows and the count of them in one transaction. One control plane deletes at a time. */
  private batch(id: string, { stage, after, sql }: RemovalStep, subjectId: string): Promise<number | 'later'> {
    return inTransaction(this.database.pool, async (client) => {
      const lock = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [removeLock]);
      if (!lock.rows[0]!.mine) return 'later';
      if (after !== undefined && (await client.query(after, [subjectId])).rowCount) return 'later';
      const { rowCount } = await client.query(sql, [subjectId]);
      const removed = rowCount ?? 0;
      await client.query('UPDATE removals SET stage = $2, removed_rows = removed_rows + $3 WHERE id = $1', [
        id,
        stage,
        removed,
      ]);
      return removed;
    });
  }
}
