import { Inject, Injectable } from '@nestjs/common';
import type { InputOf } from '../http/operation.js';
import { AuditService, actorOf } from '../audit/audit.service.js';
import { DatabaseService, isUniqueViolation, type Db } from '../database/database.service.js';
import { ProblemError } from '../http/problem-error.js';
import { pageWhere, pageWindow, toPage } from '../http/page.js';
import type { AnyCaller } from '../http/request.js';
import { FailedAttempts } from './attempts.js';
import { atLeast, lesser } from './authentication.service.js';
import { hashPassword, verifyNothing, verifyPassword } from './password.js';
import { presentProject, presentToken, presentUser, userInclude } from './present.js';
import { hashSecret, newSecret } from './secret.js';

const SESSION_HOURS = 12;

@Injectable()
export class AccessService {
  private readonly attempts = new FailedAttempts();

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  /** @throws ProblemError UNAUTHENTICATED, RATE_LIMITED */
  async login(emailAsTyped: string, password: string, source: string) {
    const email = emailAsTyped.toLowerCase();
    const wait = this.attempts.waitSeconds(email, source, Date.now());
    if (wait > 0) {
      throw new ProblemError('RATE_LIMITED', `too many failed logins; try again in ${wait} s`, [], {
        retryAfterSeconds: wait,
      });
    }
    const user = await this.database.user.findUnique({ where: { email }, include: userInclude });
    const right = user ? await verifyPassword(password, user.passwordHash) : await verifyNothing(password);
    if (!user || !right) {
      this.attempts.fail(email, source, Date.now());
      throw new ProblemError('UNAUTHENTICATED', 'the e-mail address or the password is wrong');
    }
    this.attempts.succeed(email);
    const token = newSecret('session');
    const expiresAt = new Date(Date.now() + SESSION_HOURS * 3_600_000);
    await this.database.session.deleteMany({ where: { userId: user.id, expiresAt: { lt: new Date() } } });
    await this.database.session.create({ data: { userId: user.id, tokenHash: hashSecret(token), expiresAt } });
    const actor = { kind: 'user' as const, id: user.id, name: user.email };
    await this.audit.record({ actor, projectId: null, action: 'session.create' });
    return { token, expiresAt, user: presentUser(user) };
  }

  async logout(caller: AnyCaller): Promise<void> {
    if (caller.sessionId) await this.database.session.deleteMany({ where: { id: caller.sessionId } });
    else throw new ProblemError('STATE_CONFLICT', 'an API token has no session to end; delete the token instead');
  }

  async me(caller: AnyCaller) {
    const user = await this.database.user.findUniqueOrThrow({ where: { id: caller.user.id }, include: userInclude });
    return presentUser(user);
  }

  async listUsers({ query }: InputOf<'users.list'>) {
    const rows = await this.database.user.findMany({
      where: pageWhere(query),
      ...pageWindow(query),
      include: userInclude,
    });
    return toPage(rows, query, presentUser);
  }

  async createUser(caller: AnyCaller, { body }: InputOf<'users.create'>) {
    const passwordHash = await hashPassword(body.password);
    const email = body.email.toLowerCase();
    return await this.database.$transaction(async (db) => {
      const projects = await this.manageable(db, caller, body.memberships);
      const memberships = body.memberships.map((m) => ({ projectId: projects.get(m.project)!, role: m.role }));
      const user = await db.user
        .create({
          data: {
            email,
            name: body.name,
            passwordHash,
            administrator: body.administrator,
            memberships: { create: memberships },
          },
          include: userInclude,
        })
        .catch((error: unknown) => {
          throw isUniqueViolation(error) ? new ProblemError('CONFLICT', `there is already a user ${email}`) : error;
        });
      const subject = { kind: 'user', id: user.id, name: email };
      await this.audit.record({ actor: actorOf(caller), projectId: null, action: 'user.create', subject }, db);
      return presentUser(user);
    });
  }

  /** Only an admin of a project takes others into it. */
  private async manageable(
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

  async listTokens(caller: AnyCaller, { query }: InputOf<'tokens.list'>) {
    const rows = await this.database.apiToken.findMany({
      where: { userId: caller.user.id, ...pageWhere(query) },
      ...pageWindow(query),
      include: { project: true },
    });
    return toPage(rows, query, presentToken);
  }

  /** A token is never more powerful than the credential that asks for it. */
  async createToken(caller: AnyCaller, { body }: InputOf<'tokens.create'>) {
    const { credential } = caller;
    const memberships = await this.database.membership.findMany({
      where: { userId: caller.user.id },
      include: { project: true },
    });
    const reachable = memberships.filter((m) => credential.projectId === null || credential.projectId === m.projectId);
    const member = body.project === null ? undefined : reachable.find((m) => m.project.slug === body.project);
    if (body.project !== null && !member) throw new ProblemError('NOT_FOUND', `there is no project "${body.project}"`);
    if (body.project === null && credential.projectId !== null) {
      throw new ProblemError('FORBIDDEN', 'a token of one project cannot make a token of all projects');
    }
    const most = member ? lesser(member.role, credential.role) : credential.role;
    if (!atLeast(most, body.role)) {
      throw new ProblemError('FORBIDDEN', `a token cannot have the role ${body.role}: yours is ${most}`);
    }
    const secret = newSecret('api');
    const days = body.expiresInDays;
    const token = await this.database.apiToken.create({
      data: {
        userId: caller.user.id,
        tokenHash: hashSecret(secret),
        projectId: member?.projectId ?? null,
        name: body.name,
        role: body.role,
        expiresAt: days === null ? null : new Date(Date.now() + days * 86_400_000),
      },
      include: { project: true },
    });
    const subject = { kind: 'token', id: token.id, name: token.name };
    await this.audit.record({ actor: actorOf(caller), projectId: token.projectId, action: 'token.create', subject });
    return { ...presentToken(token), token: secret };
  }

  async deleteToken(caller: AnyCaller, { params }: InputOf<'tokens.delete'>): Promise<void> {
    const token = await this.database.apiToken.findFirst({ where: { id: params.token, userId: caller.user.id } });
    if (!token) throw new ProblemError('NOT_FOUND', `you have no API token ${JSON.stringify(params.token)}`);
    await this.database.apiToken.delete({ where: { id: token.id } });
    const subject = { kind: 'token', id: token.id, name: token.name };
    await this.audit.record({ actor: actorOf(caller), projectId: token.projectId, action: 'token.delete', subject });
  }

  async listProjects(caller: AnyCaller, { query }: InputOf<'projects.list'>) {
    const only = caller.credential.projectId;
    const rows = await this.database.project.findMany({
      where: {
        memberships: { some: { userId: caller.user.id } },
        AND: [only === null ? {} : { id: only }, pageWhere(query)],
      },
      ...pageWindow(query),
      include: { memberships: { where: { userId: caller.user.id } } },
    });
    return toPage(rows, query, (row) => presentProject(row, lesser(row.memberships[0]!.role, caller.credential.role)));
  }

  async createProject(caller: AnyCaller, { body }: InputOf<'projects.create'>) {
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
}
