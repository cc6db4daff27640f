import { Controller, Inject } from '@nestjs/common';
import type { AuditEntry } from '@verge/contracts';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import {
  Caller,
  Input,
  Operation,
  pageWhere,
  pageWindow,
  toPage,
  type InputOf,
  type ProjectCaller,
} from '../http/index.js';

@Controller()
export class AuditController {
  constructor(@Inject(DatabaseService) private readonly database: DatabaseService) {}

  @Operation('audit.list')
  async list(@Caller() caller: ProjectCaller, @Input() { query }: InputOf<'audit.list'>) {
    const { action, actor, from, to } = query;
    const where: Prisma.AuditEntryWhereInput = { projectId: caller.project.id, ...pageWhere(query) };
    // "rollout" finds every verb of the noun.
    if (action) where.action = action.includes('.') ? action : { startsWith: `${action}.` };
    if (actor) where.OR = [{ actorId: actor }, { actorName: { contains: actor, mode: 'insensitive' } }];
    if (from ?? to) where.at = { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) };
    const rows = await this.database.auditEntry.findMany({ where, ...pageWindow(query) });
    return toPage(rows, query, presentEntry);
  }
}

function presentEntry(row: Prisma.AuditEntryGetPayload<object>): AuditEntry {
  const { subjectKind, subjectId, subjectName } = row;
  return {
    id: row.id,
    at: row.at.toISOString(),
    actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
    action: row.action,
    subject: subjectKind === null ? null : { kind: subjectKind, id: subjectId ?? '', name: subjectName ?? '' },
    outcome: row.outcome,
    detail: row.detail as AuditEntry['detail'],
  };
}
