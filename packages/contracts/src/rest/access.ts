/** What belongs to whoever calls: login, password, sessions, API tokens. */
import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { freeText } from '../text.js';
import { listQuery, newestFirst, page, search } from './page.js';
import { RoleName, route } from './route.js';
import { Email, Password, User } from './user.js';

/** What is known of the credential that a request came with. Its role and project are the most that it allows. */
export const Credential = z
  .object({
    kind: z.enum(['session', 'token']),
    id: Id,
    name: z.string().describe("of the token; '' for a session"),
    role: RoleName,
    project: Slug.nullable().describe('null: every project of its user'),
    managesUsers: z.boolean(),
    expiresAt: Instant.nullable(),
  })
  .meta({ id: 'Credential' });
export type Credential = z.infer<typeof Credential>;

/** The user as far as the credential reaches: a token of one project does not tell of the others. */
export const Me = User.extend({ credential: Credential }).meta({ id: 'Me' });
export type Me = z.infer<typeof Me>;

export const Session = z
  .object({
    id: Id,
    createdAt: Instant,
    expiresAt: Instant,
    source: z.string().describe('the network address of the login'),
    userAgent: z.string(),
    current: z.boolean().describe('whether it is the session that asks'),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

export const ApiToken = z
  .object({
    id: Id,
    name: z.string(),
    project: Slug.nullable(),
    role: RoleName,
    parent: Id.nullable().describe('the token that made it and that it ends with; null when a session made it'),
    managesUsers: z
      .boolean()
      .describe('whether it may create users, reset passwords and the like; its user must be an administrator'),
    createdAt: Instant,
    lastUsedAt: Instant.nullable(),
    expiresAt: Instant.nullable(),
  })
  .meta({ id: 'ApiToken' });
export type ApiToken = z.infer<typeof ApiToken>;

/** Its secret is shown this once. */
export const NewApiToken = ApiToken.extend({ token: z.string() }).meta({ id: 'NewApiToken' });

export const Login = z
  .object({ token: z.string().describe('a session, to be sent as a bearer token'), expiresAt: Instant, user: Me })
  .meta({ id: 'Login' });

export const accessRoutes = {
  'auth.login': route({
    method: 'POST',
    path: '/auth/login',
    tag: 'access',
    role: 'public',
    summary: 'Log in with an e-mail address and a password. Also sets an HttpOnly session cookie for browsers.',
    setsCookie: true,
    refusals: ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'],
    body: z.strictObject({ email: Email, password: freeText(z.string().min(1).max(256)) }),
    response: Login,
  }),
  'auth.logout': route({
    method: 'POST',
    path: '/auth/logout',
    tag: 'access',
    role: 'viewer',
    credential: 'session',
    summary: 'End the session that asks.',
    setsCookie: true,
    status: 204,
  }),
  'auth.me': route({
    method: 'GET',
    path: '/auth/me',
    tag: 'access',
    role: 'viewer',
    summary: 'Who is calling, and what the credential allows.',
    response: Me,
  }),
  'auth.changePassword': route({
    method: 'POST',
    path: '/auth/password',
    tag: 'access',
    role: 'viewer',
    credential: 'session',
    summary: "Change one's own password. Ends every other session of the user; needs a session.",
    refusals: ['CONFLICT', 'RATE_LIMITED'],
    body: z.strictObject({ current: z.string().min(1).max(256), password: Password }),
    status: 204,
  }),
  'sessions.list': route({
    method: 'GET',
    path: '/sessions',
    tag: 'access',
    role: 'viewer',
    credential: 'session',
    summary: "The caller's sessions that have not expired; needs a session.",
    query: z.strictObject(newestFirst),
    response: page(Session),
  }),
  'sessions.delete': route({
    method: 'DELETE',
    path: '/sessions/{session}',
    tag: 'access',
    role: 'viewer',
    credential: 'session',
    summary: "End one of the caller's sessions; needs a session.",
    status: 204,
  }),
  'sessions.deleteOthers': route({
    method: 'DELETE',
    path: '/sessions',
    tag: 'access',
    role: 'viewer',
    credential: 'session',
    summary: "End all of the caller's sessions but the one that asks; needs a session.",
    response: z.object({ ended: z.int() }),
  }),
  'tokens.list': route({
    method: 'GET',
    path: '/tokens',
    tag: 'access',
    role: 'viewer',
    summary: "The caller's API tokens. A token sees itself and those that it made, directly or not.",
    query: z.strictObject({ ...listQuery(['createdAt', 'name', 'lastUsedAt'], '-createdAt'), ...search }),
    response: page(ApiToken),
  }),
  'tokens.create': route({
    method: 'POST',
    path: '/tokens',
    tag: 'access',
    role: 'viewer',
    status: 201,
    summary:
      'Create an API token, never more powerful than the caller. One made by a token ends with that token. Its secret is shown once; only a hash is kept.',
    refusals: ['NOT_FOUND'],
    body: z.strictObject({
      name: z.string().min(1).max(120),
      project: Slug.nullable().default(null),
      role: RoleName.default('operator'),
      expiresInDays: z
        .int()
        .min(1)
        .max(3650)
        .nullable()
        .optional()
        .describe('null: never. Left out: as late as the credential that asks allows.'),
      managesUsers: z.boolean().default(false),
    }),
    response: NewApiToken,
  }),
  'tokens.delete': route({
    method: 'DELETE',
    path: '/tokens/{token}',
    tag: 'access',
    role: 'viewer',
    summary: 'Revoke an API token and all that it made. A token reaches itself and those that it made.',
    status: 204,
  }),
};
