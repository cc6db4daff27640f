import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseService } from '../database/database.service.js';
import { hashPassword } from './password.js';

const DEFAULT_EMAIL = 'admin@verge.local';

export interface FirstAdministrator {
  email: string;
  /** Null when the operator chose it. */
  generatedPassword: string | null;
  /** Where a generated password was written. */
  file: string | null;
}

/**
 * Makes the first administrator, with a project to begin in, when there is no user at all. A password that nobody chose
 * is generated and written, readable by the owner only, before the user exists: it can be lost in no crash between.
 * @returns null when there are users already
 */
export async function ensureFirstAdministrator(
  database: DatabaseService,
  dataDir: string,
  chosen: { email?: string | undefined; password?: string | undefined },
): Promise<FirstAdministrator | null> {
  if ((await database.user.count()) > 0) return null;
  const email = (chosen.email ?? DEFAULT_EMAIL).toLowerCase();
  const generatedPassword = chosen.password ? null : randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(chosen.password ?? generatedPassword!);
  return await database.$transaction(async (db) => {
    // Two control planes that boot on one empty database make one administrator.
    await db.$queryRaw`SELECT pg_advisory_xact_lock(hashtext('verge-first-administrator'))::text`;
    if ((await db.user.count()) > 0) return null;
    const file = generatedPassword === null ? null : join(dataDir, 'admin-password');
    if (file !== null) await writeFile(file, `${generatedPassword}\n`, { mode: 0o600 });
    const project = { create: { slug: 'default', name: 'Default' } };
    await db.user.create({
      data: {
        email,
        name: 'Administrator',
        passwordHash,
        administrator: true,
        memberships: { create: [{ role: 'admin', project }] },
      },
    });
    return { email, generatedPassword, file };
  });
}
