import type { Role } from '@verge/contracts';
import type { Prisma } from '../database/database.service.js';
import type { CallingCredential, ProjectRef } from '../http/request.js';
import { lesser } from './roles.js';

export const userInclude = { memberships: { include: { project: true }, orderBy: { projectId: 'asc' } } } as const;
type UserRow = Prisma.UserGetPayload<{ include: typeof userInclude }>;

export const presentUser = (row: UserRow) => ({
  id: row.id,
  email: row.email,
  name: row.name,
  administrator: row.administrator,
  disabledAt: row.disabledAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
  memberships: row.memberships.map((m) => ({ project: m.project.slug, role: m.role })),
});

/** The user as far as the credential reaches. */
export function presentMe(row: UserRow, credential: CallingCredential) {
  const { kind, id, name, role, projectId, managesUsers, expiresAt } = credential;
  const reached = row.memberships.filter((m) => projectId === null || m.projectId === projectId);
  return {
    ...presentUser(row),
    administrator: row.administrator && role === 'admin' && projectId === null,
    memberships: reached.map((m) => ({ project: m.project.slug, role: lesser(m.role, role) })),
    credential: {
      kind,
      id,
      name,
      role,
      // A project that the user has left is not told of.
      project: reached.find((m) => m.projectId === projectId)?.project.slug ?? null,
      managesUsers: managesUsers && row.administrator,
      expiresAt: expiresAt?.toISOString() ?? null,
    },
  };
}

export const presentSession = (row: Prisma.SessionGetPayload<object>, current: string | null) => ({
  id: row.id,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  source: row.source,
  userAgent: row.userAgent,
  current: row.id === current,
});

type TokenRow = Prisma.ApiTokenGetPayload<{ include: { project: true } }>;

export const presentToken = (row: TokenRow) => ({
  id: row.id,
  name: row.name,
  project: row.project?.slug ?? null,
  role: row.role,
  parent: row.parentId,
  managesUsers: row.managesUsers,
  createdAt: row.createdAt.toISOString(),
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  expiresAt: row.expiresAt?.toISOString() ?? null,
});

export const presentProject = (row: ProjectRef, role: Role) => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  createdAt: row.createdAt.toISOString(),
  role,
});
