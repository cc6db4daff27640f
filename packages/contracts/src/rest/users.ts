/** Users, as administrators see them. */
import { z } from 'zod';
import { Slug } from '../identifiers.js';
import { ApiToken, Session } from './access.js';
import { listQuery, newestFirst, page, search } from './page.js';
import { RoleName, route } from './route.js';
import { Email, Password, User } from './user.js';

const userManagement = { tag: 'users', role: 'admin', credential: 'user-management' } as const;

export const userRoutes = {
  'users.list': route({
    method: 'GET',
    path: '/users',
    tag: 'users',
    role: 'admin',
    summary: 'All users.',
    query: z.strictObject({ ...listQuery(['createdAt', 'email', 'name'], '-createdAt'), ...search }),
    response: page(User),
  }),
  'users.get': route({
    method: 'GET',
    path: '/users/{user}',
    tag: 'users',
    role: 'admin',
    summary: 'A user, by id or e-mail address.',
    response: User,
  }),
  'users.create': route({
    ...userManagement,
    method: 'POST',
    path: '/users',
    summary: 'Create a user.',
    refusals: ['CONFLICT'],
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
  'users.update': route({
    ...userManagement,
    method: 'PATCH',
    path: '/users/{user}',
    summary: "Change a user's name, or whether it is an administrator. The last administrator stays one.",
    refusals: ['STATE_CONFLICT'],
    changes: ['name', 'administrator', 'disabledAt'],
    body: z.strictObject({ name: z.string().min(1).max(120).optional(), administrator: z.boolean().optional() }),
    response: User,
  }),
  'users.resetPassword': route({
    ...userManagement,
    method: 'POST',
    path: '/users/{user}/password',
    summary: "Set a user's password and end all of its sessions; on demand revoke its API tokens too.",
    body: z.strictObject({ password: Password, revokeTokens: z.boolean().default(false) }),
    response: z.object({ sessionsEnded: z.int(), tokensRevoked: z.int() }),
  }),
  'users.disable': route({
    ...userManagement,
    method: 'POST',
    path: '/users/{user}/disable',
    summary: 'Let nothing of the user in any more: its sessions end, its password and API tokens are refused.',
    refusals: ['STATE_CONFLICT'],
    response: User,
  }),
  'users.enable': route({
    ...userManagement,
    method: 'POST',
    path: '/users/{user}/enable',
    summary: 'Let a disabled user in again, with its password and its API tokens.',
    response: User,
  }),
  'users.delete': route({
    ...userManagement,
    method: 'DELETE',
    path: '/users/{user}',
    summary: 'Delete a user. Refused, naming each, while it has API tokens or is the last admin of a project.',
    refusals: ['STATE_CONFLICT', 'CONFLICT'],
    status: 204,
  }),
  'users.sessions': route({
    ...userManagement,
    method: 'GET',
    path: '/users/{user}/sessions',
    summary: "A user's sessions that have not expired.",
    query: z.strictObject(newestFirst),
    response: page(Session),
  }),
  'users.endSessions': route({
    ...userManagement,
    method: 'DELETE',
    path: '/users/{user}/sessions',
    summary: "End all of a user's sessions.",
    response: z.object({ ended: z.int() }),
  }),
  'users.tokens': route({
    ...userManagement,
    method: 'GET',
    path: '/users/{user}/tokens',
    summary: "A user's API tokens.",
    query: z.strictObject({ ...listQuery(['createdAt', 'name', 'lastUsedAt'], '-createdAt'), ...search }),
    response: page(ApiToken),
  }),
  'users.revokeToken': route({
    ...userManagement,
    method: 'DELETE',
    path: '/users/{user}/tokens/{token}',
    summary: "Revoke one of a user's API tokens, and all that it made.",
    status: 204,
  }),
};
