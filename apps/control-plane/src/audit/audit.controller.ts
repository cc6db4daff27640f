import { Controller, Inject } from '@nestjs/common';
import type { AuditEntry } from '@verge/contracts';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { literally } from '../database/like.js';
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
    const where = { AND: [{ projectId: caller.project.id }, filterOf(query)] };
    const rows = await this.database.auditEntry.findMany({ where, ...pageWindow(query) });
    return toPage(rows, query, presentEntry);
  }

  @Operation('audit.listAll')
  async listAll(@Input() { query }: InputOf<'audit.listAll'>) {
    const where = { AND: [query.scope === 'organisation' ? { projectId: null } : {}, filterOf(query)] };
    const rows = await this.database.auditEntry.findMany({ where, ...pageWindow(query) });
    const ids = rows.flatMap((row) => (row.projectId === null ? [] : [row.projectId]));
    const projects = await this.database.project.findMany({ where: { id: { in: ids } } });
    const slugs = new Map(projects.map((p) => [p.id, p.slug]));
    return toPage(rows, query, (row) => ({
      ...presentEntry(row),
      project: row.projectId && (slugs.get(row.projectId) ?? row.projectId),
    }));
  }
}

function filterOf(query: InputOf<'audit.list'>['query']): Prisma.AuditEntryWhereInput {
  const { action, actor, outcome, from, to } = query;
  const where: Prisma.AuditEntryWhereInput = { ...pageWhere(query) };
  // "rollout" finds every verb of the noun.
  if (action) where.action = action.includes('.') ? action : { startsWith: `${literally(action)}.` };
  if (actor) where.OR = [{ actorId: actor }, { actorName: { contains: literally(actor), mode: 'insensitive' } }];
  if (outcome) where.outcome = outcome;
  if (from ?? to) where.at = { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) };
  return where;
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
