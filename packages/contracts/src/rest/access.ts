/** Login, users, API tokens, projects, audit. */
import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { page, pageQuery, PageQuery } from './page.js';
import { roles, route } from './route.js';

export const RoleName = z.enum(roles);
const Email = z.email().max(254);
const Password = z.string().min(10, 'expected at least 10 characters').max(256);

export const User = z.object({
  id: Id,
  email: Email,
  name: z.string(),
  /** May create projects and users. */
  administrator: z.boolean(),
  memberships: z.array(z.object({ project: Slug, role: RoleName })),
});
export type User = z.infer<typeof User>;

export const ApiToken = z.object({
  id: Id,
  name: z.string(),
  project: Slug.nullable(),
  role: RoleName,
  createdAt: Instant,
  lastUsedAt: Instant.nullable(),
  expiresAt: Instant.nullable(),
});
export type ApiToken = z.infer<typeof ApiToken>;

export const Project = z.object({ id: Id, slug: Slug, name: z.string(), createdAt: Instant, role: RoleName });
export type Project = z.infer<typeof Project>;

export const AuditEntry = z.object({
  id: z.string(),
  at: Instant,
  actor: z.object({ kind: z.enum(['user', 'token', 'device', 'system']), id: z.string(), name: z.string() }),
  /** noun.verb, for example rollout.create. */
  action: z.string(),
  subject: z.object({ kind: z.string(), id: z.string(), name: z.string() }).nullable(),
  outcome: z.enum(['success', 'refused']),
  detail: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const accessRoutes = {
  'auth.login': route({
    method: 'POST',
    path: '/auth/login',
    tag: 'access',
    role: 'public',
    summary: 'Log in with an e-mail address and a password. Also sets an HttpOnly session cookie for browsers.',
    body: z.strictObject({ email: Email, password: z.string().min(1).max(256) }),
    response: z.object({ token: z.string(), expiresAt: Instant, user: User }),
  }),
  'auth.logout': route({
    method: 'POST',
    path: '/auth/logout',
    tag: 'access',
    role: 'viewer',
    summary: 'End the session.',
    status: 204,
  }),
  'auth.me': route({
    method: 'GET',
    path: '/auth/me',
    tag: 'access',
    role: 'viewer',
    summary: 'Who is calling.',
    response: User,
  }),
  'users.list': route({
    method: 'GET',
    path: '/users',
    tag: 'access',
    role: 'admin',
    summary: 'Users.',
    query: PageQuery,
    response: page(User),
  }),
  'users.create': route({
    method: 'POST',
    path: '/users',
    tag: 'access',
    role: 'admin',
    summary: 'Create a user.',
    status: 201,
    body: z.strictObject({
      email: Email,
      name: z.string().min(1).max(120),
      password: Password,
      administrator: z.boolean().default(false),
      memberships: z
        .array(z.strictObject({ project: Slug, role: RoleName }))
        .max(100)
        .default([]),
    }),
    response: User,
  }),
  'tokens.list': route({
    method: 'GET',
    path: '/tokens',
    tag: 'access',
    role: 'viewer',
    summary: "The caller's API tokens.",
    query: PageQuery,
    response: page(ApiToken),
  }),
  'tokens.create': route({
    method: 'POST',
    path: '/tokens',
    tag: 'access',
    role: 'viewer',
    status: 201,
    summary: 'Create an API token, never more powerful than the caller. Its secret is shown once; only a hash is kept.',
    body: z.strictObject({
      name: z.string().min(1).max(120),
      project: Slug.nullable().default(null),
      role: RoleName.default('operator'),
      expiresInDays: z.int().min(1).max(3650).nullable().default(null),
    }),
    response: ApiToken.extend({ token: z.string() }),
  }),
  'tokens.delete': route({
    method: 'DELETE',
    path: '/tokens/{token}',
    tag: 'access',
    role: 'viewer',
    summary: 'Revoke an API token.',
    status: 204,
  }),
  'projects.list': route({
    method: 'GET',
    path: '/projects',
    tag: 'access',
    role: 'viewer',
    summary: 'Projects the caller belongs to.',
    query: PageQuery,
    response: page(Project),
  }),
  'projects.create': route({
    method: 'POST',
    path: '/projects',
    tag: 'access',
    role: 'admin',
    summary: 'Create a project.',
    status: 201,
    body: z.strictObject({ slug: Slug, name: z.string().min(1).max(120) }),
    response: Project,
  }),
  'projects.get': route({
    method: 'GET',
    path: '/projects/{project}',
    tag: 'access',
    role: 'viewer',
    summary: 'A project.',
    response: Project,
  }),
  'audit.list': route({
    method: 'GET',
    path: '/projects/{project}/audit',
    tag: 'audit',
    role: 'viewer',
    summary: 'Who did what, newest first.',
    query: z.strictObject({
      ...pageQuery,
      action: z.string().max(64).optional(),
      actor: z.string().max(128).optional(),
      from: Instant.optional(),
      to: Instant.optional(),
    }),
    response: page(AuditEntry),
  }),
};
