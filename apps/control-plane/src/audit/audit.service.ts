import type { DatabaseService, Db, Prisma } from '../database/database.service.js';
import type { AnyCaller } from '../http/request.js';

export interface Actor {
  kind: 'user' | 'token' | 'device' | 'system' | 'anonymous';
  id: string;
  name: string;
}

export interface AuditRecord {
  actor: Actor;
  projectId: string | null;
  /** noun.verb */
  action: string;
  subject?: { kind: string; id: string; name: string };
  outcome?: 'success' | 'refused';
  detail?: Prisma.InputJsonObject;
}

export const systemActor: Actor = { kind: 'system', id: 'control-plane', name: 'control plane' };

/** Somebody who could not say who they are. */
export const anonymous: Actor = { kind: 'anonymous', id: '', name: '' };

export const actorOf = (caller: Pick<AnyCaller, 'kind' | 'id' | 'name' | 'user'>): Actor => ({
  kind: caller.kind,
  id: caller.id,
  name: caller.kind === 'token' ? `${caller.user.email} (${caller.name})` : caller.user.email,
});

/** What `createdBy` says. */
export const nameOf = (caller: AnyCaller): string => caller.user.email;

export class AuditService {
  constructor(private readonly database: DatabaseService) {}

  /** Pass the transaction that makes the change, so that there is neither a change without its entry nor the reverse. */
  async record(entry: AuditRecord, db: Db = this.database): Promise<void> {
    await db.auditEntry.create({
      data: {
        projectId: entry.projectId,
        actorKind: entry.actor.kind,
        actorId: entry.actor.id,
        actorName: entry.actor.name,
        action: entry.action,
        subjectKind: entry.subject?.kind ?? null,
        subjectId: entry.subject?.id ?? null,
        subjectName: entry.subject?.name ?? null,
        outcome: entry.outcome ?? 'success',
        detail: entry.detail ?? {},
      },
    });
  }

  /** For a caller of the REST API, in the project of the route. */
  async byCaller(
    caller: AnyCaller,
    action: string,
    subject: { kind: string; id: string; name: string },
    detail: Prisma.InputJsonObject = {},
    db?: Db,
  ): Promise<void> {
    await this.record({ actor: actorOf(caller), projectId: caller.project?.id ?? null, action, subject, detail }, db);
  }
}
