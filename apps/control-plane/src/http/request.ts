import type { IncomingMessage } from 'node:http';
import type { Role, Route, RouteName } from '@verge/contracts';

export interface ProjectRef {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
}

export interface CallingUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly administrator: boolean;
}

/** What the request came with. Personal operations are judged by it, not by its owner. */
export interface CallingCredential {
  readonly kind: 'session' | 'token';
  readonly id: string;
  /** Of the token; '' for a session. */
  readonly name: string;
  /** The most that it allows: a token's own role and project; a session's are its user's. */
  readonly role: Role;
  readonly projectId: string | null;
  /** Whether it may do what makes or changes a login. */
  readonly managesUsers: boolean;
  readonly expiresAt: Date | null;
}

/** Who calls. `role` is what the caller may do here: in the project of the route, or anywhere when it names none. */
export interface AnyCaller {
  readonly kind: 'user' | 'token';
  /** Of the token, or of the user. */
  readonly id: string;
  readonly name: string;
  readonly user: CallingUser;
  readonly role: Role;
  readonly credential: CallingCredential;
  readonly project: ProjectRef | null;
}

/** The caller of an operation below /projects/{project}. */
export interface ProjectCaller extends AnyCaller {
  readonly project: ProjectRef;
}

/** What the operation guard found out about a request. */
export interface OperationContext {
  readonly name: RouteName;
  readonly route: Route;
  readonly caller: AnyCaller | null;
  readonly params: Record<string, string>;
  readonly query: unknown;
  readonly body: unknown;
}

/** Express's request, as far as it is used. */
export interface HttpRequest extends IncomingMessage {
  readonly path: string;
  readonly originalUrl: string;
  readonly params: Record<string, string>;
  readonly query: Record<string, unknown>;
  requestId: string;
  /** The network address of the caller, seen through the proxies that are trusted. */
  source: string;
  /** What the router found, before it is known who calls and whether they may. */
  asked?: RouteName;
  operation?: OperationContext;
}
