import { Inject, Injectable } from '@nestjs/common';
import { actorOf, anonymous, AuditService } from '../audit/audit.service.js';
import { Refusals } from '../audit/refusals.js';
import { DatabaseService, type Db, type Prisma } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf } from '../http/operation.js';
import { List } from '../http/list.js';
import { ProblemError } from '../http/problem-error.js';
import type { AnyCaller, HttpRequest } from '../http/request.js';
import { HashSlots } from './hash-slots.js';
import { announceAccess } from './holders.js';
import { PasswordCheck } from './password-check.js';
import { hashPassword, verifyNothing, verifyPassword } from './password.js';
import { presentMe, presentSession, userInclude } from './present.js';
import { hashSecret, newSecret } from './secret.js';

const SESSION_HOURS = 12;
const MAX_USER_AGENT = 200;
const longestAuditedName = 254;

/** Sessions: what a password opens, and what belongs to whoever has one. */
const sessionList = new List<'sessions.list', Prisma.SessionWhereInput>({ sorts: { createdAt: [] }, filters: {} });

@Injectable()
export class LoginService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Refusals) private readonly refusals: Refusals,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(PasswordCheck) private readonly passwords: PasswordCheck,
    @Inject(HashSlots) private readonly slots: HashSlots,
  ) {}

  /** @throws ProblemError UNAUTHENTICATED, FORBIDDEN for a disabled user, RATE_LIMITED, UNAVAILABLE */
  async login({ body }: InputOf<'auth.login'>, request: HttpRequest) {
    const email = body.email.toLowerCase();
    const user = await this.database.user.findUnique({ where: { email }, include: userInclude });
    try {
      const right = await this.passwords.isRight(email, request.source, () =>
        user ? verifyPassword(body.password, user.passwordHash) : verifyNothing(body.password),
      );
      if (!user || !right) throw new ProblemError('UNAUTHENTICATED', 'the e-mail address or the password is wrong');
      if (user.disabledAt) throw new ProblemError('FORBIDDEN', 'the user is disabled; an administrator can enable it');
    } catch (error) {
      const who = { ...anonymous, name: email.slice(0, longestAuditedName) };
      const actor = user ? { kind: 'user' as const, id: user.id, name: user.email } : who;
      if (error instanceof ProblemError) {
        // Not the seconds to wait: every attempt would be a kind of its own.
        const reason = error.code === 'RATE_LIMITED' ? 'too many failed logins' : error.message;
        const { source } = request;
        this.refusals.record({ actor, proven: false, projectId: null, operation: 'auth.login', reason, source });
      }
      throw error;
    }
    const token = newSecret('session');
    const expiresAt = new Date(Date.now() + SESSION_HOURS * 3_600_000);
    const userAgent = (request.headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT);
    const session = await this.database.$transaction(async (db) => {
      await db.session.deleteMany({ where: { userId: user.id, expiresAt: { lt: new Date() } } });
      const data = { userId: user.id, tokenHash: hashSecret(token), expiresAt, source: request.source, userAgent };
      const actor = { kind: 'user' as const, id: user.id, name: user.email };
      const detail = { source: request.source };
      await this.audit.record({ actor, projectId: null, action: 'session.create', detail }, db);
      return await db.session.create({ data });
    });
    return { token, expiresAt, user: presentMe(user, { kind: 'session', ...wholeOf(session) }) };
  }

  async logout(caller: AnyCaller): Promise<void> {
    await this.end(caller, [caller.credential.id]);
  }

  async me(caller: AnyCaller) {
    const where = { id: caller.user.id };
    return presentMe(await this.database.user.findUniqueOrThrow({ where, include: userInclude }), caller.credential);
  }

  /** @throws ProblemError VALIDATION_FAILED for a wrong present password, RATE_LIMITED, UNAVAILABLE */
  async changePassword(caller: AnyCaller, { body }: InputOf<'auth.changePassword'>, source: string): Promise<void> {
    const user = await this.database.user.findUniqueOrThrow({ where: { id: caller.user.id } });
    // A session that was stolen is no way to guess the password.
    const right = await this.passwords.isRight(user.email, source, () =>
      verifyPassword(body.current, user.passwordHash),
    );
    if (!right) throw ProblemError.invalid([{ field: '/current', detail: 'expected the present password' }]);
    const passwordHash = await this.slots.run(() => hashPassword(body.password));
    const ended = await this.database.$transaction(async (db) => {
      // Not over a password that somebody else set meanwhile.
      const where = { id: user.id, passwordHash: user.passwordHash };
      const { count } = await db.user.updateMany({ where, data: { passwordHash } });
      if (count === 0) throw new ProblemError('CONFLICT', 'the password was changed meanwhile');
      const others = await this.deleteSessions(db, { userId: user.id, id: { not: caller.credential.id } });
      const subject = { kind: 'user', id: user.id, name: user.email };
      const detail = { sessionsEnded: others.length };
      const entry = { actor: actorOf(caller), projectId: null, action: 'user.change-password', subject, detail };
      await this.audit.record(entry, db);
      return others;
    });
    announceAccess(this.bus, keysOfSessions(ended));
  }

  async listSessions(userId: string, current: string | null, { query }: Pick<InputOf<'sessions.list'>, 'query'>) {
    return await sessionList.read(query, {
      projectId: '',
      where: { userId, expiresAt: { gt: new Date() } },
      rows: (args) => this.database.session.findMany(args),
      count: (args) => this.database.session.count(args),
      present: (rows) => rows.map((row) => presentSession(row, current)),
    });
  }

  async deleteSession(caller: AnyCaller, id: string): Promise<void> {
    if (!(await this.end(caller, [id]))) {
      throw new ProblemError('NOT_FOUND', `you have no session ${JSON.stringify(id)}`);
    }
  }

  async deleteOtherSessions(caller: AnyCaller): Promise<{ ended: number }> {
    const where = { userId: caller.user.id, id: { not: caller.credential.id }, expiresAt: { gt: new Date() } };
    const others = await this.database.session.findMany({ where, select: { id: true } });
    const ids = others.map(({ id }) => id);
    return { ended: await this.end(caller, ids) };
  }

  /** Ends sessions of the caller. @returns how many there were */
  private async end(caller: AnyCaller, ids: readonly string[]): Promise<number> {
    const ended = await this.database.$transaction(async (db) => {
      const gone = await this.deleteSessions(db, { userId: caller.user.id, id: { in: [...ids] } });
      for (const id of gone) {
        const subject = { kind: 'session', id, name: id };
        await this.audit.record({ actor: actorOf(caller), projectId: null, action: 'session.delete', subject }, db);
      }
      return gone;
    });
    announceAccess(this.bus, keysOfSessions(ended));
    return ended.length;
  }

  /** @returns the ids of those that were there */
  private async deleteSessions(db: Db, where: Prisma.SessionWhereInput): Promise<string[]> {
    const rows = await db.session.findMany({ where, select: { id: true } });
    const ids = rows.map(({ id }) => id);
    await db.session.deleteMany({ where: { id: { in: ids } } });
    return ids;
  }
}

const wholeOf = ({ id, expiresAt }: { id: string; expiresAt: Date }) => ({
  id,
  name: '',
  role: 'admin' as const,
  projectId: null,
  managesUsers: true,
  expiresAt,
});

const keysOfSessions = (ids: readonly string[]) => ids.map((id) => `session:${id}` as const);
