import { Controller, Inject } from '@nestjs/common';
import type { AuditEntry } from '@verge/contracts';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { literally } from '../database/like.js';
import { Caller, Input, List, Operation, type InputOf, type ProjectCaller } from '../http/index.js';

type Where = Prisma.AuditEntryWhereInput;
type Asked = InputOf<'audit.list'>['query'];

const filters = {
  // "rollout" finds every verb of the noun.
  action: (value: string): Where => ({
    action: value.includes('.') ? value : { startsWith: `${literally(value)}.` },
  }),
  actor: (value: string): Where => ({
    OR: [{ actorId: value }, { actorName: { contains: literally(value), mode: 'insensitive' } }],
  }),
  outcome: (outcome: NonNullable<Asked['outcome']>): Where => ({ outcome }),
  from: (at: string): Where => ({ at: { gte: at } }),
  to: (at: string): Where => ({ at: { lt: at } }),
};
const sorts = { createdAt: [] };
const auditList = new List<'audit.list', Where>({ sorts, filters });
const organisationList = new List<'audit.listAll', Where>({
  sorts,
  filters: { ...filters, scope: (scope) => (scope === 'organisation' ? { projectId: null } : {}) },
});

@Controller()
export class AuditController {
  constructor(@Inject(DatabaseService) private readonly database: DatabaseService) {}

  @Operation('audit.list')
  async list(@Caller() caller: ProjectCaller, @Input() { query }: InputOf<'audit.list'>) {
    const projectId = caller.project.id;
    return await auditList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.auditEntry.findMany(args),
      count: (args) => this.database.auditEntry.count(args),
      present: (rows) => rows.map(presentEntry),
    });
  }

  @Operation('audit.listAll')
  async listAll(@Input() { query }: InputOf<'audit.listAll'>) {
    return await organisationList.read(query, {
      projectId: '',
      where: {},
      rows: (args) => this.database.auditEntry.findMany(args),
      count: (args) => this.database.auditEntry.count(args),
      present: async (rows) => {
        const ids = rows.flatMap((row) => (row.projectId === null ? [] : [row.projectId]));
        const projects = await this.database.project.findMany({ where: { id: { in: ids }, deletedAt: null } });
        const slugs = new Map(projects.map((p) => [p.id, p.slug]));
        return rows.map((row) => ({
          ...presentEntry(row),
          project: row.projectId && (slugs.get(row.projectId) ?? row.projectId),
        }));
      },
    });
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
