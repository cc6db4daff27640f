import { Inject, Injectable } from '@nestjs/common';
import type { FieldError } from '@verge/contracts';
import { actorOf, AuditService } from '../audit/audit.service.js';
import { DatabaseService, type Db, type Prisma } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf } from '../http/operation.js';
import { List } from '../http/list.js';
import { ProblemError } from '../http/problem-error.js';
import type { AnyCaller } from '../http/request.js';
import { announceAccess } from './holders.js';
import { presentToken } from './present.js';
import { atLeast, lesser } from './roles.js';
import { hashSecret, newSecret } from './secret.js';

const DAY_MS = 86_400_000;

const tokenList = new List<'tokens.list', Prisma.ApiTokenWhereInput>({
  search: ['name'],
  sorts: {
    createdAt: [],
    name: [{ path: 'name', kind: 'text' }],
    lastUsedAt: [{ path: 'lastUsedAt', kind: 'time', nullable: true }],
  },
  filters: {},
});

/**
 * API tokens. What a caller may do with them follows from its credential: a session is its user and reaches all of the user's
 * tokens; a token reaches itself and those that it made, and nothing that it makes is more or lives longer than itself.
 */
@Injectable()
export class TokensService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  async list(caller: AnyCaller, { query }: InputOf<'tokens.list'>) {
    const { kind, id } = caller.credential;
    const reached = kind === 'session' ? {} : { id: { in: await withDescendants(this.database, id) } };
    return await this.page({ userId: caller.user.id, ...reached }, query);
  }

  async ofUser(userId: string, query: InputOf<'tokens.list'>['query']) {
    return await this.page({ userId }, query);
  }

  private async page(where: { userId: string; id?: { in: string[] } }, query: InputOf<'tokens.list'>['query']) {
    return await tokenList.read(query, {
      projectId: '',
      where,
      rows: (args) => this.database.apiToken.findMany({ ...args, include: { project: true } }),
      count: (args) => this.database.apiToken.count(args),
      present: (rows) => rows.map(presentToken),
    });
  }

  async create(caller: AnyCaller, { body }: InputOf<'tokens.create'>) {
    const { credential } = caller;
    const project = await this.projectOf(caller, body);
    const expiresAt = expiryOf(caller, body);
    if (body.managesUsers) requireUserManagement(caller, body);
    const secret = newSecret('api');
    const token = await this.database.$transaction(async (db) => {
      if (credential.kind === 'token') await lockParent(db, credential.id);
      const made = await db.apiToken.create({
        data: {
          userId: caller.user.id,
          tokenHash: hashSecret(secret),
          projectId: project?.id ?? null,
          parentId: credential.kind === 'token' ? credential.id : null,
          name: body.name,
          role: body.role,
          managesUsers: body.managesUsers,
          expiresAt,
        },
        include: { project: true },
      });
      const subject = { kind: 'token', id: made.id, name: made.name };
      const detail = { role: made.role, managesUsers: made.managesUsers };
      const entry = { actor: actorOf(caller), projectId: made.projectId, action: 'token.create', subject, detail };
      await this.audit.record(entry, db);
      return made;
    });
    return { ...presentToken(token), token: secret };
  }

  async delete(caller: AnyCaller, id: string): Promise<void> {
    const { credential } = caller;
    const reached = credential.kind === 'session' || (await withDescendants(this.database, credential.id)).includes(id);
    if (!reached || !(await this.revoke(caller, caller.user.id, id))) {
      throw new ProblemError('NOT_FOUND', `you have no API token ${JSON.stringify(id)}`);
    }
  }

  /** Revokes a token of a user with all that it made. @returns whether there was one */
  async revoke(caller: AnyCaller, userId: string, id: string): Promise<boolean> {
    const gone = await this.database.$transaction(async (db) => {
      const token = await db.apiToken.findFirst({ where: { id, userId } });
      if (!token) return [];
      const ids = await withDescendants(db, id);
      await db.apiToken.delete({ where: { id } });
      const subject = { kind: 'token', id, name: token.name };
      const detail = { withTokensItMade: ids.length - 1 };
      const entry = { actor: actorOf(caller), projectId: token.projectId, action: 'token.delete', subject, detail };
      await this.audit.record(entry, db);
      return ids;
    });
    announceAccess(
      this.bus,
      gone.map((token) => `token:${token}` as const),
    );
    return gone.length > 0;
  }

  /** The project that the token is to be for, with the role that the caller has there. @throws ProblemError NOT_FOUND, FORBIDDEN */
  private async projectOf(caller: AnyCaller, body: InputOf<'tokens.create'>['body']): Promise<{ id: string } | null> {
    const { credential } = caller;
    if (body.project === null && credential.projectId !== null) {
      throw new ProblemError('FORBIDDEN', 'a token of one project cannot make a token of all projects');
    }
    const member =
      body.project === null
        ? null
        : await this.database.membership.findFirst({
            where: { userId: caller.user.id, project: { slug: body.project } },
          });
    const reachable = member && (credential.projectId === null || credential.projectId === member.projectId);
    if (body.project !== null && !reachable) {
      throw new ProblemError('NOT_FOUND', `there is no project "${body.project}"`);
    }
    const most = member ? lesser(member.role, credential.role) : credential.role;
    if (!atLeast(most, body.role)) {
      throw new ProblemError('FORBIDDEN', `a token cannot have the role ${body.role}: yours is ${most}`);
    }
    return member && { id: member.projectId };
  }
}

/**
 * When the new token ends: as asked, and never later than the token that asks. Left out, it is as late as that allows.
 * @throws ProblemError VALIDATION_FAILED
 */
function expiryOf(caller: AnyCaller, { expiresInDays: days }: InputOf<'tokens.create'>['body']): Date | null {
  const { kind, expiresAt } = caller.credential;
  const latest = kind === 'token' ? expiresAt : null;
  if (days === undefined) return latest;
  const wanted = days === null ? null : new Date(Date.now() + days * DAY_MS);
  if (latest === null || (wanted !== null && wanted <= latest)) return wanted;
  const detail = `expected an end not after ${latest.toISOString()}, when the token that asks ends; leave it out to end then`;
  throw ProblemError.invalid([{ field: '/expiresInDays', detail } satisfies FieldError]);
}

/** @throws ProblemError FORBIDDEN, VALIDATION_FAILED */
function requireUserManagement({ user, credential }: AnyCaller, body: InputOf<'tokens.create'>['body']): void {
  if (!credential.managesUsers || !user.administrator) {
    const who = 'an administrator with a session, or with a token that manages users';
    throw new ProblemError('FORBIDDEN', `the right to manage users is given by ${who}`);
  }
  if (body.role === 'admin' && body.project === null) return;
  const detail = 'expected the role admin and no project beside it: users belong to no project';
  throw ProblemError.invalid([{ field: '/managesUsers', detail }]);
}

/** A token that is revoked at this moment makes no child any more. @throws ProblemError UNAUTHENTICATED */
async function lockParent(db: Db, id: string): Promise<void> {
  const rows = await db.$queryRaw<unknown[]>`SELECT 1 FROM api_tokens WHERE id = ${id}::uuid FOR SHARE`;
  if (rows.length === 0) throw new ProblemError('UNAUTHENTICATED', 'the token was revoked');
}

/** The token and all that it made, directly or not. */
async function withDescendants(db: Db, id: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    WITH RECURSIVE made AS (
      SELECT id FROM api_tokens WHERE id = ${id}::uuid
      UNION SELECT t.id FROM api_tokens t JOIN made ON t.parent_id = made.id
    ) SELECT id::text FROM made`;
  return rows.map((row) => row.id);
}
