/** The committed SQL migrations: read, applied, checked against the schema, and written. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlPlaneError } from '../errors.js';
import { noFilters, withSchemaEngine, type MigrationList } from './schema-engine.js';

/** prisma/ at the repository's root: the same distance from src/database and dist/database. */
const prismaDir = fileURLToPath(new URL('../../../../prisma', import.meta.url));
const migrationsDir = join(prismaDir, 'migrations');
const LOCKFILE = 'migration_lock.toml';
/** What the lockfile says: the engine compares it with the adapter's. */
const PROVIDER = 'provider = "postgresql"\n';

const readDatamodel = (): Promise<string> => readFile(join(prismaDir, 'schema.prisma'), 'utf8');

/** The committed migrations, the oldest first. */
export async function migrationNames(): Promise<string[]> {
  if (!existsSync(migrationsDir)) return [];
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function readMigrations(upTo?: string): Promise<MigrationList> {
  const names = (await migrationNames()).filter((name) => upTo === undefined || name <= upTo);
  return {
    baseDir: migrationsDir,
    lockfile: { path: LOCKFILE, content: PROVIDER },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.map(async (path) => ({
        path,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await readFile(join(migrationsDir, path, 'migration.sql'), 'utf8') },
        },
      })),
    ),
  };
}

/**
 * Brings the database up to the committed migrations. Several control planes may do so at once: the engine holds an
 * advisory lock, and each migration is applied once.
 * @param upTo the last one that is applied; all of them when absent
 * @returns the names of the migrations that this call applied
 * @throws ControlPlaneError MIGRATION_FAILED
 */
export async function applyMigrations(databaseUrl: string, upTo?: string): Promise<string[]> {
  try {
    const migrationsList = await readMigrations(upTo);
    const datamodel = await readDatamodel();
    return await withSchemaEngine(databaseUrl, datamodel, async (engine) => {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters });
      return appliedMigrationNames;
    });
  } catch (cause) {
    throw new ControlPlaneError('MIGRATION_FAILED', `the database could not be migrated: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** SQL that the committed migrations lack against schema.prisma; '' when they agree. Uses a shadow database. */
export async function missingMigration(databaseUrl: string): Promise<string> {
  const migrations = await readMigrations();
  const datamodel = await readDatamodel();
  return await withSchemaEngine(databaseUrl, datamodel, async (engine) => {
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'migrations', ...migrations },
      to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: datamodel }] },
      script: true,
      exitCode: true,
      filters: noFilters,
    });
    return exitCode === 0 ? '' : (stdout ?? '');
  });
}

/** Writes what `missingMigration` finds as the next migration. @returns its folder, or null when nothing is missing */
export async function writeMigration(databaseUrl: string, name: string, now: Date): Promise<string | null> {
  const sql = await missingMigration(databaseUrl);
  if (sql === '') return null;
  const stamp = now.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  const folder = join(migrationsDir, `${stamp}_${name.replaceAll(/[^a-z0-9]+/gi, '_').toLowerCase()}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'migration.sql'), sql);
  await writeFile(join(migrationsDir, LOCKFILE), PROVIDER);
  return folder;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
