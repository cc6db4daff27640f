/** Who did what. */
import { z } from 'zod';
import { Instant } from '../identifiers.js';
import { newestFirst, page } from './page.js';
import { route } from './route.js';

export const AuditEntry = z
  .object({
    id: z.string(),
    at: Instant,
    actor: z
      .object({
        kind: z.enum(['user', 'token', 'device', 'system', 'anonymous']),
        id: z.string(),
        name: z.string(),
      })
      .describe("'anonymous': somebody who could not say who they are, for example with a wrong password"),
    action: z.string().describe('noun.verb, for example rollout.create'),
    subject: z.object({ kind: z.string(), id: z.string(), name: z.string() }).nullable(),
    outcome: z
      .enum(['success', 'refused'])
      .describe(
        'Refusals of one kind by one actor within a minute are one entry or two; detail.count says how many the second stands for.',
      ),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntry>;

/** An entry of any project, or of none. */
export const AnyAuditEntry = AuditEntry.extend({
  project: z
    .string()
    .nullable()
    .describe('slug of the project, or its id when it has been deleted; null for what belongs to no project'),
}).meta({ id: 'AnyAuditEntry' });

const auditQuery = {
  ...newestFirst,
  action: z.string().max(64).optional(),
  actor: z.string().max(128).optional(),
  outcome: AuditEntry.shape.outcome.optional(),
  from: Instant.optional(),
  to: Instant.optional(),
};

export const auditRoutes = {
  'audit.list': route({
    method: 'GET',
    path: '/projects/{project}/audit',
    tag: 'audit',
    role: 'viewer',
    summary: 'Who did what in the project, newest first.',
    query: z.strictObject(auditQuery),
    response: page(AuditEntry),
  }),
  'audit.listAll': route({
    method: 'GET',
    path: '/audit',
    tag: 'audit',
    role: 'admin',
    summary: 'Who did what in all of the control plane, newest first: logins, users, tokens, and every project.',
    query: z.strictObject({
      ...auditQuery,
      scope: z.enum(['all', 'organisation']).default('all').describe('organisation: only what belongs to no project'),
    }),
    response: page(AnyAuditEntry),
  }),
};
