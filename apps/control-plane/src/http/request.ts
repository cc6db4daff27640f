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

/** Who calls. `role` is what the caller may do here: in the project of the route, or anywhere when it names none. */
export interface AnyCaller {
  readonly kind: 'user' | 'token';
  /** Of the token, or of the user. */
  readonly id: string;
  readonly name: string;
  readonly user: CallingUser;
  readonly role: Role;
  /** The session that a logout ends. */
  readonly sessionId: string | null;
  /** The most that the credential allows: a token's own role and project; a session's are its user's. */
  readonly credential: { readonly role: Role; readonly projectId: string | null };
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
  readonly ip?: string;
  requestId: string;
  operation?: OperationContext;
}
