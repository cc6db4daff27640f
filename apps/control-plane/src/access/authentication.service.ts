import { Inject, Injectable } from '@nestjs/common';
import { Id, roles, type Role } from '@verge/contracts';
import { DatabaseService } from '../database/database.service.js';
import { ProblemError } from '../http/problem-error.js';
import type { AnyCaller, CallingUser, HttpRequest, ProjectRef } from '../http/request.js';
import { hashSecret, isSecret } from './secret.js';

export const SESSION_COOKIE = 'verge_session';
const TOUCH_MS = 60_000;
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A credential that holds, before it is known what it is for. */
export interface Identity {
  readonly kind: 'user' | 'token';
  readonly id: string;
  readonly name: string;
  readonly user: CallingUser;
  readonly sessionId: string | null;
  readonly credential: { role: Role; projectId: string | null };
  readonly memberships: readonly { role: Role; project: ProjectRef }[];
}

export const atLeast = (has: Role, needs: Role): boolean => roles.indexOf(has) >= roles.indexOf(needs);
export const lesser = (a: Role, b: Role): Role => (atLeast(a, b) ? b : a);

const userWithMemberships = {
  user: { include: { memberships: { include: { project: true } } } },
} as const;

@Injectable()
export class AuthenticationService {
  constructor(@Inject(DatabaseService) private readonly database: DatabaseService) {}

  /** @throws ProblemError UNAUTHENTICATED; FORBIDDEN for a cookie that another site sent */
  async identify(request: HttpRequest): Promise<Identity> {
    const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const cookie = bearer === undefined ? cookieOf(request) : undefined;
    const secret = bearer ?? cookie;
    if (secret === undefined) {
      throw new ProblemError('UNAUTHENTICATED', 'expected an Authorization header with a bearer token, or a session');
    }
    if (cookie !== undefined) refuseForeignSite(request);
    const identity = isSecret('api', secret) ? await this.byToken(secret) : await this.bySession(secret);
    if (!identity) throw new ProblemError('UNAUTHENTICATED', 'the token is unknown, revoked or expired');
    return identity;
  }

  /**
   * @throws ProblemError NOT_FOUND for a project that the caller does not belong to, so that its existence is not told;
   * FORBIDDEN for a role that does not suffice
   */
  async authorise(identity: Identity, needs: Role, project: string | undefined): Promise<AnyCaller> {
    const { credential, user } = identity;
    if (project === undefined) {
      // Outside of projects only administrators are more than viewers.
      const own: Role = user.administrator && credential.projectId === null ? 'admin' : 'viewer';
      const role = lesser(own, credential.role);
      if (!atLeast(role, needs)) throw forbidden(needs, role);
      return { ...identity, role, project: null };
    }
    const byId = Id.safeParse(project).success;
    const membership = identity.memberships.find((m) => (byId ? m.project.id : m.project.slug) === project);
    if (!membership || (credential.projectId !== null && credential.projectId !== membership.project.id)) {
      throw new ProblemError('NOT_FOUND', `there is no project ${JSON.stringify(project)}`);
    }
    const role = lesser(membership.role, credential.role);
    if (!atLeast(role, needs)) throw forbidden(needs, role);
    return { ...identity, role, project: membership.project };
  }

  private async bySession(secret: string): Promise<Identity | null> {
    const session = await this.database.session.findUnique({
      where: { tokenHash: hashSecret(secret) },
      include: userWithMemberships,
    });
    if (!session || session.expiresAt <= new Date()) return null;
    const { user } = session;
    return {
      kind: 'user',
      id: user.id,
      name: user.name,
      user,
      sessionId: session.id,
      credential: { role: 'admin', projectId: null },
      memberships: user.memberships,
    };
  }

  private async byToken(secret: string): Promise<Identity | null> {
    const token = await this.database.apiToken.findUnique({
      where: { tokenHash: hashSecret(secret) },
      include: userWithMemberships,
    });
    const now = new Date();
    if (!token || (token.expiresAt && token.expiresAt <= now)) return null;
    if (!token.lastUsedAt || token.lastUsedAt.getTime() < now.getTime() - TOUCH_MS) {
      await this.database.apiToken.updateMany({ where: { id: token.id }, data: { lastUsedAt: now } });
    }
    const { user } = token;
    return {
      kind: 'token',
      id: token.id,
      name: token.name,
      user,
      sessionId: null,
      credential: { role: token.role, projectId: token.projectId },
      memberships: user.memberships,
    };
  }
}

const forbidden = (needs: Role, role: Role): ProblemError =>
  new ProblemError('FORBIDDEN', `this needs the role ${needs}; yours is ${role}`);

function cookieOf(request: HttpRequest): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === SESSION_COOKIE && value) return value;
  }
  return undefined;
}

/** SameSite=Strict keeps the cookie from other sites; the Origin check is the second lock (RFC 6454). */
function refuseForeignSite(request: HttpRequest): void {
  if (safeMethods.has(request.method ?? '')) return;
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const same = origin !== undefined ? URL.canParse(origin) && new URL(origin).host === host : site === 'same-origin';
  if (!same) throw new ProblemError('FORBIDDEN', 'a session cookie is only taken from the console itself');
}
