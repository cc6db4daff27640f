/**
 * The one way in which a thing of a project is deleted: under the lock of its row, when nothing holds it, with its entry in the
 * audit, in one transaction. Whoever refers to it anew at the same moment waits for that lock, and then finds it gone; or was
 * first, and is among the holders that the refusal names.
 */
import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { DatabaseService, Prisma, type Db } from '../database/database.service.js';
import { EventBus, type ChangeType } from '../events/event-bus.js';
import { ProblemError } from '../http/problem-error.js';
import type { ProjectCaller } from '../http/request.js';
import { isForeignKeyViolation } from '../transient.js';
import { holdersOf, inUse } from './holders.js';
import type { Thing } from './holds.js';

interface Kind {
  readonly table: string;
  readonly noun: string;
}

const kinds: Readonly<Record<Thing, Kind>> = {
  dataset: { table: 'datasets', noun: 'data set' },
  model: { table: 'models', noun: 'model' },
  version: { table: 'versions', noun: 'version' },
  recipe: { table: 'recipes', noun: 'recipe' },
  // What is of a kind of its own goes with the job.
  training: { table: 'jobs', noun: 'training' },
  compression: { table: 'jobs', noun: 'compression' },
  evaluation: { table: 'jobs', noun: 'evaluation' },
  artifact: { table: 'artifacts', noun: 'artifact' },
  release: { table: 'releases', noun: 'release' },
  rollout: { table: 'rollouts', noun: 'rollout' },
  group: { table: 'groups', noun: 'group' },
  device: { table: 'devices', noun: 'device' },
};

export interface Doomed {
  readonly kind: Thing & ChangeType;
  readonly id: string;
  /** As people name it. */
  readonly name: string;
  /** Locks that are to be taken before that of the row. */
  readonly before?: (db: Db) => Promise<void>;
  /** Under the lock: what else must hold, and what goes with the row. @returns what the audit says beside the name */
  readonly also?: (db: Db) => Promise<Prisma.InputJsonObject>;
}

/** A device may have tens of thousands of rows that go with it. */
const limits = { timeout: 60_000, maxWait: 15_000 };

@Injectable()
export class Deletions {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  /** @throws ProblemError NOT_FOUND when it is gone already, IN_USE naming what holds it */
  async delete(caller: ProjectCaller, doomed: Doomed): Promise<void> {
    const { kind, id, name } = doomed;
    const { noun } = kinds[kind];
    try {
      await this.database.$transaction((db) => this.deleteIn(db, caller, doomed), limits);
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      // A reference that was made since the look, or that the table of holds does not know: the key has held it.
      throw inUse(noun, name, await holdersOf(this.database, kind, id));
    }
    this.bus.changed(caller.project.id, kind, id);
  }

  private async deleteIn(db: Db, caller: ProjectCaller, doomed: Doomed): Promise<void> {
    const { kind, id, name } = doomed;
    const { table, noun } = kinds[kind];
    await doomed.before?.(db);
    const row = Prisma.raw(`"${table}"`);
    const locked = await db.$queryRaw<unknown[]>`
      SELECT id FROM ${row} WHERE id = ${id}::uuid AND project_id = ${caller.project.id}::uuid FOR UPDATE`;
    if (locked.length === 0) throw ProblemError.notFound(noun, name);
    const held = await holdersOf(db, kind, id);
    if (held.length > 0) throw inUse(noun, name, held);
    const detail = (await doomed.also?.(db)) ?? {};
    await db.$executeRaw`DELETE FROM ${row} WHERE id = ${id}::uuid`;
    await this.audit.byCaller(caller, `${kind}.delete`, { kind, id, name }, detail, db);
  }
}
