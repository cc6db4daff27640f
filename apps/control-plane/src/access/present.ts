import type { Role } from '@verge/contracts';
import type { Prisma } from '../database/database.service.js';
import type { ProjectRef } from '../http/request.js';

export const userInclude = { memberships: { include: { project: true }, orderBy: { projectId: 'asc' } } } as const;
type UserRow = Prisma.UserGetPayload<{ include: typeof userInclude }>;

export const presentUser = (row: UserRow) => ({
  id: row.id,
  email: row.email,
  name: row.name,
  administrator: row.administrator,
  memberships: row.memberships.map((m) => ({ project: m.project.slug, role: m.role })),
});

type TokenRow = Prisma.ApiTokenGetPayload<{ include: { project: true } }>;

export const presentToken = (row: TokenRow) => ({
  id: row.id,
  name: row.name,
  project: row.project?.slug ?? null,
  role: row.role,
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
