/** Projects and who belongs to them. */
import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { Flag, listQuery, newestFirst, page, search } from './page.js';
import { RoleName, route } from './route.js';
import { Email } from './user.js';

export const Project = z
  .object({ id: Id, slug: Slug, name: z.string(), createdAt: Instant, role: RoleName })
  .meta({ id: 'Project' });
export type Project = z.infer<typeof Project>;

export const Member = z
  .object({
    id: Id.describe('of the user'),
    email: Email,
    name: z.string(),
    role: RoleName,
    disabled: z.boolean().describe('a disabled user stays a member, and is let in nowhere'),
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

/** A thing that is gone for everybody, and whose many rows are deleted in the background. */
export const Removal = z
  .object({
    id: Id,
    kind: z.enum(['device', 'group', 'project']),
    name: z.string(),
    stage: z.string().describe('what is being deleted now, in words'),
    removedRows: z.int().describe('rows that are deleted so far'),
    requestedBy: z.string(),
    createdAt: Instant,
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Removal' });
export type Removal = z.infer<typeof Removal>;

export const projectRoutes = {
  'projects.list': route({
    method: 'GET',
    path: '/projects',
    tag: 'access',
    role: 'viewer',
    summary: 'Projects the caller belongs to.',
    query: z.strictObject({ ...listQuery(['createdAt', 'slug', 'name'], '-createdAt'), ...search }),
    response: page(Project),
  }),
  'projects.create': route({
    method: 'POST',
    path: '/projects',
    tag: 'access',
    role: 'admin',
    summary: 'Create a project.',
    refusals: ['CONFLICT'],
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
  'projects.delete': route({
    method: 'DELETE',
    path: '/projects/{project}',
    tag: 'access',
    role: 'admin',
    status: 202,
    summary:
      'Delete a project: an empty one, or with cascade all that is in it. It is gone for everybody at once; its rows are deleted in the background.',
    query: z.strictObject({
      cascade: Flag.prefault('false')
        .describe('also everything in it; needs confirm')
        .transform((text) => text === 'true'),
      confirm: z.string().max(63).optional().describe('the slug of the project, with cascade'),
    }),
    response: Removal,
    refusals: ['IN_USE'],
  }),
  'removals.list': route({
    method: 'GET',
    path: '/removals',
    tag: 'access',
    role: 'admin',
    summary: 'What is being deleted in the background, and the projects that were in the last month; newest first.',
    query: z.strictObject(newestFirst),
    response: page(Removal),
  }),
  'members.list': route({
    method: 'GET',
    path: '/projects/{project}/members',
    tag: 'access',
    role: 'viewer',
    summary: 'Who belongs to the project.',
    query: z.strictObject({ ...listQuery(['createdAt', 'email', 'name'], '-createdAt'), ...search }),
    response: page(Member),
  }),
  'members.add': route({
    method: 'POST',
    path: '/projects/{project}/members',
    tag: 'access',
    role: 'admin',
    status: 201,
    summary: 'Take an existing user into the project.',
    refusals: ['CONFLICT'],
    body: z.strictObject({ email: Email, role: RoleName }),
    response: Member,
  }),
  'members.update': route({
    method: 'PATCH',
    path: '/projects/{project}/members/{user}',
    tag: 'access',
    role: 'admin',
    summary: "Change a member's role. The last admin stays one.",
    refusals: ['STATE_CONFLICT'],
    body: z.strictObject({ role: RoleName }),
    response: Member,
  }),
  'members.remove': route({
    method: 'DELETE',
    path: '/projects/{project}/members/{user}',
    tag: 'access',
    role: 'admin',
    summary: "Remove a member, and the member's API tokens of this project. The last admin stays.",
    refusals: ['STATE_CONFLICT'],
    status: 204,
  }),
};
