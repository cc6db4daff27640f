/**
 * A project goes: in one transaction nobody belongs to it any more, its devices are refused, its tokens are revoked, its work is
 * cancelled and its slug is free. To everybody it is there as a whole, or not at all. Its rows, of which there may be
 * millions, are deleted afterwards in the background, across restarts.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Removal } from '@verge/contracts';
import { AuditService } from '../audit/audit.service.js';
import { DatabaseService, type Db } from '../database/database.service.js';
import { inUse, readHolders } from '../deletion/holders.js';
import { inProject } from '../deletion/holds.js';
import { Removals } from '../deletion/removals.service.js';
import { DESIRED_TOPIC, announcements } from '../devices/desired-state.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf } from '../http/operation.js';
import { ProblemError } from '../http/problem-error.js';
import type { ProjectCaller } from '../http/request.js';
import { announceAccess, type AccessKey } from './holders.js';

interface Ended {
  readonly users: string[];
  readonly devices: string[];
}

@Injectable()
export class ProjectDeletion {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Removals) private readonly removals: Removals,
  ) {}

  /** @throws ProblemError IN_USE naming what is in it, without cascade; VALIDATION_FAILED without its slug, with it */
  async delete(caller: ProjectCaller, { query }: InputOf<'projects.delete'>): Promise<Removal> {
    const { removal, ended } = await this.database.$transaction((db) => this.end(db, caller, query), {
      timeout: 60_000,
      maxWait: 15_000,
    });
    const users = ended.users.map((id): AccessKey => `user:${id}`);
    const devices = ended.devices.map((id): AccessKey => `device:${id}`);
    announceAccess(this.bus, [...users, ...devices]);
    for (const ids of announcements(ended.devices)) this.bus.publish(DESIRED_TOPIC, ids);
    return removal;
  }

  private async end(
    db: Db,
    caller: ProjectCaller,
    { cascade, confirm }: InputOf<'projects.delete'>['query'],
  ): Promise<{ removal: Removal; ended: Ended }> {
    const { id, slug } = caller.project;
    // Whoever puts something into the project waits for this lock.
    const locked = await db.$queryRaw<unknown[]>`
      SELECT id FROM projects WHERE id = ${id}::uuid AND deleted_at IS NULL FOR UPDATE`;
    if (locked.length === 0) throw new ProblemError('NOT_FOUND', `there is no project ${JSON.stringify(slug)}`);
    const inside = await readHolders(db, inProject, id);
    if (inside.length > 0 && !cascade) throw inUse('project', slug, inside);
    if (cascade && confirm !== slug) {
      throw ProblemError.invalid([{ field: '?confirm', detail: `expected the slug of the project, ${slug}` }]);
    }
    const detail = { inside: Object.fromEntries(inside.map(({ kind, total }) => [kind, total])) };
    await this.audit.byCaller(caller, 'project.delete', { kind: 'project', id, name: slug }, detail, db);
    const removal = await this.removals.ofProject(db, caller);
    return { removal, ended: await endAll(db, id) };
  }
}

async function endAll(db: Db, projectId: string): Promise<Ended> {
  const now = new Date();
  const of = { projectId };
  const members = await db.membership.findMany({ where: of, select: { userId: true } });
  const devices = await db.device.findMany({ where: of, select: { id: true }, orderBy: { id: 'asc' } });
  await db.membership.deleteMany({ where: of });
  await db.apiToken.deleteMany({ where: of });
  await db.enrollmentToken.updateMany({ where: { ...of, revokedAt: null }, data: { revokedAt: now } });
  await db.rollout.updateMany({
    where: { ...of, finishedAt: null },
    data: { state: 'cancelled', reason: 'the project was deleted', finishedAt: now },
  });
  // In the order of their ids, as everywhere, so that nobody waits in a circle.
  await db.$queryRaw`SELECT 1 AS locked FROM devices WHERE project_id = ${projectId}::uuid ORDER BY id FOR NO KEY UPDATE`;
  await db.device.updateMany({ where: of, data: { state: 'revoked', onlineUntil: null, gatewayId: null } });
  await db.deviceCertificate.updateMany({
    where: { device: of, revokedAt: null },
    data: { revokedAt: now, reason: 'the project was deleted' },
  });
  await db.job.updateMany({
    where: { ...of, state: { in: ['queued', 'running', 'cancelling'] } },
    data: { cancelRequested: true },
  });
  // Its slug is free from now on; no slug has such a sign.
  await db.$executeRaw`
    UPDATE projects SET deleted_at = ${now}, slug = slug || '~' || id WHERE id = ${projectId}::uuid`;
  return { users: members.map(({ userId }) => userId), devices: devices.map(({ id }) => id) };
}
