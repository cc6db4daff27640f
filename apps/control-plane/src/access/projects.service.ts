import { Inject, Injectable } from '@nestjs/common';
import { Id } from '@verge/contracts';
import { actorOf, AuditService } from '../audit/audit.service.js';
import { DatabaseService, isUniqueViolation, type Db, type Prisma } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf } from '../http/operation.js';
import { List } from '../http/list.js';
import { ProblemError } from '../http/problem-error.js';
import type { AnyCaller, ProjectCaller } from '../http/request.js';
import { announceAccess } from './holders.js';
import { presentProject } from './present.js';
import { lesser } from './roles.js';
import { findUser, lastAdminOf } from './user-rows.js';

const projectList = new List<'projects.list', Prisma.ProjectWhereInput>({
  search: ['slug', 'name'],
  sorts: { createdAt: [], slug: [{ path: 'slug', kind: 'text' }], name: [{ path: 'name', kind: 'text' }] },
  filters: {},
});
const memberList = new List<'members.list', Prisma.MembershipWhereInput>({
  search: ['user.email', 'user.name'],
  sorts: { createdAt: [], email: [{ path: 'user.email', kind: 'text' }], name: [{ path: 'user.name', kind: 'text' }] },
  filters: {},
  key: { path: 'userId', kind: 'id' },
});

/** Projects, and who belongs to them. */
@Injectable()
export class ProjectsService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  async list(caller: AnyCaller, { query }: InputOf<'projects.list'>) {
    const only = caller.credential.projectId;
    const own = { userId: caller.user.id };
    return await projectList.read(query, {
      projectId: '',
      where: { memberships: { some: own }, ...(only === null ? {} : { id: only }) },
      rows: (args) => this.database.project.findMany({ ...args, include: { memberships: { where: own } } }),
      count: (args) => this.database.project.count(args),
      present: (rows) =>
        rows.map((row) => presentProject(row, lesser(row.memberships[0]!.role, caller.credential.role))),
    });
  }

  async create(caller: AnyCaller, { body }: InputOf<'projects.create'>) {
    return await this.database.$transaction(async (db) => {
      const memberships = { create: [{ userId: caller.user.id, role: 'admin' as const }] };
      const project = await db.project
        .create({ data: { slug: body.slug, name: body.name, memberships } })
        .catch((error: unknown) => {
          throw isUniqueViolation(error)
            ? new ProblemError('CONFLICT', `there is already a project ${body.slug}`)
            : error;
        });
      const subject = { kind: 'project', id: project.id, name: project.slug };
      const entry = { actor: actorOf(caller), projectId: project.id, action: 'project.create', subject };
      await this.audit.record(entry, db);
      return presentProject(project, 'admin');
    });
  }

  async members(caller: ProjectCaller, { query }: InputOf<'members.list'>) {
    const projectId = caller.project.id;
    return await memberList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.membership.findMany({ ...args, include: { user: true } }),
      count: (args) => this.database.membership.count(args),
      present: (rows) => rows.map(presentMember),
    });
  }

  async addMember(caller: ProjectCaller, { body }: InputOf<'members.add'>) {
    return await this.database.$transaction(async (db) => {
      const user = await findUser(db, body.email);
      const data = { projectId: caller.project.id, userId: user.id, role: body.role };
      const member = await db.membership.create({ data, include: { user: true } }).catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error;
        throw new ProblemError('CONFLICT', `${user.email} is a member of ${caller.project.slug} already`);
      });
      await this.record(db, caller, 'add', user, { role: body.role });
      return presentMember(member);
    });
  }

  async updateMember(caller: ProjectCaller, { params, body }: InputOf<'members.update'>) {
    const member = await this.database.$transaction(async (db) => {
      const found = await this.member(db, caller, params.user);
      if (found.role === 'admin' && body.role !== 'admin') await keepAnAdmin(db, caller, found.userId);
      const { projectId, userId } = found;
      const where = { projectId_userId: { projectId, userId } };
      const changed = await db.membership.update({ where, data: { role: body.role }, include: { user: true } });
      await this.record(db, caller, 'update', changed.user, { role: body.role, before: found.role });
      return changed;
    });
    announceAccess(this.bus, [`user:${member.userId}`]);
    return presentMember(member);
  }

  /** Tokens of the member for this project go too: taken in again later, the user begins without them. */
  async removeMember(caller: ProjectCaller, named: string): Promise<void> {
    const userId = await this.database.$transaction(async (db) => {
      const found = await this.member(db, caller, named);
      if (found.role === 'admin') await keepAnAdmin(db, caller, found.userId);
      const of = { projectId: found.projectId, userId: found.userId };
      const { count } = await db.apiToken.deleteMany({ where: of });
      await db.membership.delete({ where: { projectId_userId: of } });
      await this.record(db, caller, 'remove', found.user, { role: found.role, tokensRevoked: count });
      return found.userId;
    });
    announceAccess(this.bus, [`user:${userId}`]);
  }

  private async member(db: Db, caller: ProjectCaller, named: string): Promise<MemberRow> {
    const projectId = caller.project.id;
    const user = Id.safeParse(named).success ? { id: named } : { email: named.toLowerCase() };
    const found = await db.membership.findFirst({ where: { projectId, user }, include: { user: true } });
    // The same words for a user who is no member and for no user: members are all that a project is told of.
    if (!found) throw new ProblemError('NOT_FOUND', `${caller.project.slug} has no member ${JSON.stringify(named)}`);
    return found;
  }

  private async record(
    db: Db,
    caller: ProjectCaller,
    verb: string,
    user: { id: string; email: string },
    detail: Prisma.InputJsonObject,
  ): Promise<void> {
    const subject = { kind: 'user', id: user.id, name: user.email };
    await this.audit.byCaller(caller, `member.${verb}`, subject, detail, db);
  }
}

type MemberRow = Prisma.MembershipGetPayload<{ include: { user: true } }>;

const presentMember = ({ user, role }: MemberRow) => ({
  id: user.id,
  email: user.email,
  name: user.name,
  role,
  disabled: user.disabledAt !== null,
});

async function keepAnAdmin(db: Db, caller: ProjectCaller, userId: string): Promise<void> {
  const { slug } = caller.project;
  if (!(await lastAdminOf(db, userId)).includes(slug)) return;
  throw new ProblemError('STATE_CONFLICT', `the last admin of ${slug} stays one: make somebody else an admin first`);
}
