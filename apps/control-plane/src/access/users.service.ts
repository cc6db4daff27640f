import { Inject, Injectable } from '@nestjs/common';
import { actorOf, AuditService } from '../audit/audit.service.js';
import { DatabaseService, isUniqueViolation, type Db, type Prisma } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf } from '../http/operation.js';
import { List } from '../http/list.js';
import { ProblemError } from '../http/problem-error.js';
import type { AnyCaller } from '../http/request.js';
import { HashSlots } from './hash-slots.js';
import { announceAccess } from './holders.js';
import { hashPassword } from './password.js';
import { presentUser, userInclude } from './present.js';
import { findUser, lastAdminOf, lockUsers } from './user-rows.js';

/** Names of what holds a user that a refusal shows; the rest is a number. */
const SHOWN = 20;

const userList = new List<'users.list', Prisma.UserWhereInput>({
  search: ['email', 'name'],
  sorts: { createdAt: [], email: [{ path: 'email', kind: 'text' }], name: [{ path: 'name', kind: 'text' }] },
  filters: {},
});

/** Users, as administrators manage them. */
@Injectable()
export class UsersService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(HashSlots) private readonly slots: HashSlots,
  ) {}

  async list({ query }: InputOf<'users.list'>) {
    return await userList.read(query, {
      projectId: '',
      where: {},
      rows: (args) => this.database.user.findMany({ ...args, include: userInclude }),
      count: (args) => this.database.user.count(args),
      present: (rows) => rows.map(presentUser),
    });
  }

  async get(named: string) {
    return presentUser(await findUser(this.database, named));
  }

  async idOf(named: string): Promise<string> {
    return (await findUser(this.database, named)).id;
  }

  async create(caller: AnyCaller, { body }: InputOf<'users.create'>) {
    const passwordHash = await this.slots.run(() => hashPassword(body.password));
    const email = body.email.toLowerCase();
    return await this.database.$transaction(async (db) => {
      const projects = await manageable(db, caller, body.memberships);
      const memberships = body.memberships.map((m) => ({ projectId: projects.get(m.project)!, role: m.role }));
      const { name, administrator } = body;
      const data = { email, name, passwordHash, administrator, memberships: { create: memberships } };
      const user = await db.user.create({ data, include: userInclude }).catch((error: unknown) => {
        throw isUniqueViolation(error) ? new ProblemError('CONFLICT', `there is already a user ${email}`) : error;
      });
      await this.record(db, caller, 'create', user, { administrator, memberships: body.memberships });
      return presentUser(user);
    });
  }

  async update(caller: AnyCaller, { params, body }: InputOf<'users.update'>) {
    const user = await this.database.$transaction(async (db) => {
      await lockUsers(db);
      const { id, administrator } = await findUser(db, params.user);
      if (administrator && body.administrator === false) await keepAnAdministrator(db, id);
      const changed = await db.user.update({ where: { id }, data: given(body), include: userInclude });
      await this.record(db, caller, 'update', changed, given(body));
      return changed;
    });
    announceAccess(this.bus, [`user:${user.id}`]);
    return presentUser(user);
  }

  async resetPassword(caller: AnyCaller, { params, body }: InputOf<'users.resetPassword'>) {
    const passwordHash = await this.slots.run(() => hashPassword(body.password));
    const { id, ...ended } = await this.database.$transaction(async (db) => {
      const user = await findUser(db, params.user);
      await db.user.update({ where: { id: user.id }, data: { passwordHash } });
      // The administrator's own session goes on when it is its own password.
      const kept =
        user.id === caller.user.id && caller.credential.kind === 'session' ? caller.credential.id : undefined;
      const others = kept === undefined ? {} : { id: { not: kept } };
      const sessions = await db.session.deleteMany({ where: { userId: user.id, ...others } });
      const tokens = body.revokeTokens ? await db.apiToken.deleteMany({ where: { userId: user.id } }) : { count: 0 };
      const counts = { sessionsEnded: sessions.count, tokensRevoked: tokens.count };
      await this.record(db, caller, 'reset-password', user, counts);
      return { id: user.id, ...counts };
    });
    announceAccess(this.bus, [`user:${id}`]);
    return ended;
  }

  async disable(caller: AnyCaller, named: string) {
    const user = await this.database.$transaction(async (db) => {
      await lockUsers(db);
      const found = await findUser(db, named);
      if (found.id === caller.user.id) throw new ProblemError('STATE_CONFLICT', 'you cannot disable yourself');
      if (found.disabledAt) return found;
      if (found.administrator) await keepAnAdministrator(db, found.id);
      const { count } = await db.session.deleteMany({ where: { userId: found.id } });
      const where = { id: found.id };
      const changed = await db.user.update({ where, data: { disabledAt: new Date() }, include: userInclude });
      // It is done all the same: whoever must be kept out is kept out. An administrator enables somebody, or finds this here.
      const projectsWithoutAdmin = await lastAdminOf(db, found.id);
      await this.record(db, caller, 'disable', changed, { sessionsEnded: count, projectsWithoutAdmin });
      return changed;
    });
    announceAccess(this.bus, [`user:${user.id}`]);
    return presentUser(user);
  }

  async enable(caller: AnyCaller, named: string) {
    return await this.database.$transaction(async (db) => {
      const found = await findUser(db, named);
      if (!found.disabledAt) return presentUser(found);
      const changed = await db.user.update({
        where: { id: found.id },
        data: { disabledAt: null },
        include: userInclude,
      });
      await this.record(db, caller, 'enable', changed);
      return presentUser(changed);
    });
  }

  /** @throws ProblemError CONFLICT that names what the user still holds */
  async delete(caller: AnyCaller, named: string): Promise<void> {
    const id = await this.database.$transaction(async (db) => {
      await lockUsers(db);
      const user = await findUser(db, named);
      if (user.id === caller.user.id) throw new ProblemError('STATE_CONFLICT', 'you cannot delete yourself');
      if (user.administrator) await keepAnAdministrator(db, user.id);
      const held = await heldBy(db, user.id);
      if (held.length > 0) {
        throw new ProblemError('CONFLICT', `the user ${user.email} cannot be deleted: ${held.join('; ')}`);
      }
      await this.record(db, caller, 'delete', user);
      await db.user.delete({ where: { id: user.id } });
      return user.id;
    });
    announceAccess(this.bus, [`user:${id}`]);
  }

  async endSessions(caller: AnyCaller, named: string): Promise<{ ended: number }> {
    const { id, ended } = await this.database.$transaction(async (db) => {
      const user = await findUser(db, named);
      const { count } = await db.session.deleteMany({ where: { userId: user.id } });
      await this.record(db, caller, 'end-sessions', user, { sessionsEnded: count });
      return { id: user.id, ended: count };
    });
    announceAccess(this.bus, [`user:${id}`]);
    return { ended };
  }

  private async record(
    db: Db,
    caller: AnyCaller,
    verb: string,
    user: { id: string; email: string },
    detail: Prisma.InputJsonObject = {},
  ): Promise<void> {
    const subject = { kind: 'user', id: user.id, name: user.email };
    await this.audit.record({ actor: actorOf(caller), projectId: null, action: `user.${verb}`, subject, detail }, db);
  }
}

const given = ({ name, administrator }: InputOf<'users.update'>['body']) => ({
  ...(name === undefined ? {} : { name }),
  ...(administrator === undefined ? {} : { administrator }),
});

async function keepAnAdministrator(db: Db, but: string): Promise<void> {
  const others = await db.user.count({ where: { administrator: true, disabledAt: null, id: { not: but } } });
  if (others === 0) throw new ProblemError('STATE_CONFLICT', 'the last administrator stays one, and enabled');
}

async function heldBy(db: Db, userId: string): Promise<string[]> {
  const projects = await lastAdminOf(db, userId);
  const tokens = await db.apiToken.findMany({ where: { userId }, select: { name: true }, orderBy: { id: 'asc' } });
  const held: string[] = [];
  if (projects.length > 0) held.push(`it is the last admin of ${named('project', projects)}`);
  const names = tokens.map(({ name }) => JSON.stringify(name));
  if (names.length > 0) held.push(`it has ${named('API token', names)}`);
  return held;
}

function named(noun: string, names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `the ${noun}${names.length > 1 ? 's' : ''} ${names.slice(0, SHOWN).join(', ')}${more}`;
}

/** Only an admin of a project takes others into it. */
async function manageable(
  db: Db,
  caller: AnyCaller,
  wanted: readonly { project: string }[],
): Promise<Map<string, string>> {
  const slugs = [...new Set(wanted.map((m) => m.project))];
  const found = await db.membership.findMany({
    where: { userId: caller.user.id, role: 'admin', project: { slug: { in: slugs } } },
    include: { project: true },
  });
  const ids = new Map(found.map((m) => [m.project.slug, m.projectId]));
  const errors = wanted.flatMap((m, i) =>
    ids.has(m.project)
      ? []
      : [{ field: `/memberships/${i}/project`, detail: 'expected a project that you administer' }],
  );
  if (errors.length > 0) throw ProblemError.invalid(errors);
  return ids;
}
