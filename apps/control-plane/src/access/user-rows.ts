import { Id } from '@verge/contracts';
import type { Db } from '../database/database.service.js';
import { ProblemError } from '../http/problem-error.js';
import { userInclude } from './present.js';

/** A user by id or e-mail address. @throws ProblemError NOT_FOUND */
export async function findUser(db: Db, named: string) {
  const where = Id.safeParse(named).success ? { id: named } : { email: named.toLowerCase() };
  const user = await db.user.findUnique({ where, include: userInclude });
  if (!user) throw new ProblemError('NOT_FOUND', `there is no user ${JSON.stringify(named)}`);
  return user;
}

/** Until the transaction ends, nobody else takes away an administrator. */
export async function lockUsers(db: Db): Promise<void> {
  await db.$queryRaw`SELECT pg_advisory_xact_lock(hashtext('verge-users'))::text`;
}

/**
 * Slugs of the projects that have no other enabled admin than the user. It locks the projects that the user is an admin of, by
 * id, so that the answer stays true until the transaction ends.
 */
export async function lastAdminOf(db: Db, userId: string): Promise<string[]> {
  await db.$queryRaw`SELECT p.id::text FROM projects p JOIN memberships m ON m.project_id = p.id
    WHERE m.user_id = ${userId}::uuid AND m.role = 'admin' ORDER BY p.id FOR UPDATE OF p`;
  const rows = await db.$queryRaw<{ slug: string }[]>`
    SELECT p.slug FROM projects p JOIN memberships m ON m.project_id = p.id
    WHERE m.user_id = ${userId}::uuid AND m.role = 'admin' AND NOT EXISTS (
      SELECT 1 FROM memberships o JOIN users u ON u.id = o.user_id
      WHERE o.project_id = p.id AND o.user_id <> m.user_id AND o.role = 'admin' AND u.disabled_at IS NULL)
    ORDER BY p.slug`;
  return rows.map(({ slug }) => slug);
}
