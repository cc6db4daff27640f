import { Inject, Injectable } from '@nestjs/common';
import { Id, type Role, type Route } from '@verge/contracts';
import { SESSION_COOKIE } from '@verge/contracts/openapi';
import { actorOf, anonymous, type Actor } from '../audit/audit.service.js';
import { Refusals } from '../audit/refusals.js';
import { DatabaseService } from '../database/database.service.js';
import { ProblemError } from '../http/problem-error.js';
import type {
  AnyCaller,
  CallingCredential,
  CallingUser,
  HttpRequest,
  ProjectCaller,
  ProjectRef,
} from '../http/request.js';
import { atLeast, lesser } from './roles.js';
import { hashSecret, isSecret } from './secret.js';

const TOUCH_MS = 60_000;
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A credential that holds, before it is known what it is for. */
export interface Identity {
  readonly kind: 'user' | 'token';
  readonly id: string;
  readonly name: string;
  readonly user: CallingUser;
  readonly credential: CallingCredential;
  readonly memberships: readonly { role: Role; project: ProjectRef }[];
}

const userWithMemberships = {
  user: { include: { memberships: { include: { project: true } } } },
} as const;

@Injectable()
export class AuthenticationService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(Refusals) private readonly refusals: Refusals,
  ) {}

  /**
   * Who calls, and that they may call this operation here. A refusal goes to the audit when a credential was shown.
   * @throws ProblemError UNAUTHENTICATED; NOT_FOUND for a project that the caller does not belong to, so that its existence is
   * not told; FORBIDDEN for a role or a credential that does not suffice, and for a cookie that another site sent
   */
  async admit(request: HttpRequest, operation: string, route: GuardedRoute): Promise<AnyCaller> {
    const { secret, fromCookie } = secretOf(request);
    const found = isSecret('api', secret) ? await this.byToken(secret) : await this.bySession(secret);
    const refused = (error: ProblemError, actor: Actor, projectId: string | null): ProblemError => {
      const proven = actor !== anonymous;
      const { source } = request;
      this.refusals.record({ actor, proven, projectId, operation, reason: error.message, source });
      return error;
    };
    if (!found) throw refused(new ProblemError('UNAUTHENTICATED', notKnown), anonymous, null);
    const actor = actorOf(found.identity);
    if (found.ended) throw refused(new ProblemError('UNAUTHENTICATED', found.ended), actor, null);
    if (fromCookie && !isFromHere(request)) throw refused(new ProblemError('FORBIDDEN', foreignSite), actor, null);
    const answer = authorise(found.identity, route, request.params['project']);
    if (answer.refusal !== null)
      throw refused(new ProblemError('FORBIDDEN', answer.refusal), actor, answer.project?.id ?? null);
    return answer.caller;
  }

  /**
   * A caller who was admitted outside of projects, in one of theirs.
   * @param named slug or id
   * @throws ProblemError NOT_FOUND
   */
  async within(caller: AnyCaller, named: string): Promise<ProjectCaller> {
    const memberships = await this.database.membership.findMany({
      where: { userId: caller.user.id },
      include: { project: true },
    });
    const { role, project } = projectOf({ credential: caller.credential, memberships }, named);
    return { ...caller, role: lesser(role, caller.credential.role), project };
  }

  private async bySession(secret: string): Promise<Found | null> {
    const session = await this.database.session.findUnique({
      where: { tokenHash: hashSecret(secret) },
      include: userWithMemberships,
    });
    if (!session) return null;
    const { user } = session;
    return {
      ended: endOf(session, user),
      identity: {
        kind: 'user',
        id: user.id,
        name: user.name,
        user,
        credential: {
          kind: 'session',
          id: session.id,
          name: '',
          role: 'admin',
          projectId: null,
          managesUsers: true,
          expiresAt: session.expiresAt,
        },
        memberships: user.memberships,
      },
    };
  }

  private async byToken(secret: string): Promise<Found | null> {
    const token = await this.database.apiToken.findUnique({
      where: { tokenHash: hashSecret(secret) },
      include: userWithMemberships,
    });
    if (!token) return null;
    const { user, id, name, role, projectId, managesUsers, expiresAt } = token;
    const ended = endOf(token, user);
    const now = Date.now();
    if (!ended && (!token.lastUsedAt || token.lastUsedAt.getTime() < now - TOUCH_MS)) {
      await this.database.apiToken.updateMany({ where: { id }, data: { lastUsedAt: new Date(now) } });
    }
    const credential = { kind: 'token' as const, id, name, role, projectId, managesUsers, expiresAt };
    return { ended, identity: { kind: 'token', id, name, user, credential, memberships: user.memberships } };
  }
}

/** A credential that is known; `ended` says why it does not hold any more. */
interface Found {
  readonly identity: Identity;
  readonly ended: string | null;
}

const notKnown = 'the token is unknown, revoked or expired';
const foreignSite = 'a session cookie is only taken from the console itself';

function endOf(credential: { expiresAt: Date | null }, user: { disabledAt: Date | null }): string | null {
  if (user.disabledAt) return 'the user is disabled';
  return credential.expiresAt && credential.expiresAt <= new Date() ? notKnown : null;
}

/** A route that is not for everybody. */
export type GuardedRoute = Route & { readonly role: Role };

type Answer =
  | { readonly caller: AnyCaller; readonly refusal: null }
  | { readonly refusal: string; readonly project: ProjectRef | null };

/** @throws ProblemError NOT_FOUND */
function authorise(identity: Identity, route: GuardedRoute, named: string | undefined): Answer {
  const { credential, user } = identity;
  const project = named === undefined ? null : projectOf(identity, named);
  // Outside of projects only administrators are more than viewers.
  const outside: Role = user.administrator && credential.projectId === null ? 'admin' : 'viewer';
  const role = lesser(project?.role ?? outside, credential.role);
  const place = project?.project ?? null;
  if (!atLeast(role, route.role)) {
    return { refusal: `this needs the role ${route.role}; yours is ${role}`, project: place };
  }
  if (route.credential === 'session' && credential.kind !== 'session') {
    return { refusal: 'this needs a session: log in with a password; an API token does not do', project: place };
  }
  if (route.credential === 'user-management' && !credential.managesUsers) {
    return { refusal: 'this needs a session, or an API token with the right to manage users', project: place };
  }
  return { caller: { ...identity, role, project: place }, refusal: null };
}

function projectOf(
  { credential, memberships }: Pick<Identity, 'credential' | 'memberships'>,
  project: string,
): { role: Role; project: ProjectRef } {
  const byId = Id.safeParse(project).success;
  const membership = memberships.find((m) => (byId ? m.project.id : m.project.slug) === project);
  if (!membership || (credential.projectId !== null && credential.projectId !== membership.project.id)) {
    throw new ProblemError('NOT_FOUND', `there is no project ${JSON.stringify(project)}`);
  }
  return membership;
}

/** @throws ProblemError UNAUTHENTICATED */
function secretOf(request: HttpRequest): { secret: string; fromCookie: boolean } {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const secret = bearer ?? cookieOf(request);
  if (secret === undefined) {
    throw new ProblemError('UNAUTHENTICATED', 'expected an Authorization header with a bearer token, or a session');
  }
  return { secret, fromCookie: bearer === undefined };
}

function cookieOf(request: HttpRequest): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === SESSION_COOKIE && value) return value;
  }
  return undefined;
}

/** SameSite=Strict keeps the cookie from other sites; the Origin check is the second lock (RFC 6454). */
function isFromHere(request: HttpRequest): boolean {
  if (safeMethods.has(request.method ?? '')) return true;
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  return origin !== undefined ? URL.canParse(origin) && new URL(origin).host === host : site === 'same-origin';
}
