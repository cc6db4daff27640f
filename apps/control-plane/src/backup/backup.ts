/** Backs a control plane up while it runs, and restores one where nothing is. */
import { mkdir, readdir, rm, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBlobStore, type BlobStore } from '@verge/blobs';
import type { Logger } from 'pino';
import type { ControlPlaneConfig } from '../config.js';
import { startEmbeddedPostgres } from '../database/embedded-postgres.js';
import { applyMigrations, migrationNames } from '../database/migrations.js';
import { ControlPlaneError } from '../errors.js';
import { backupsIn, blobsOf, checkFile, finishBackup, readBackup, type Backup } from './backup-folder.js';
import { copyBlobs } from './copy-blobs.js';
import { restoreFiles, saveFiles } from './data-files.js';
import { dumpTables, fillTables, rowsPresent, type TellProgress } from './tables.js';

export interface Task {
  readonly config: ControlPlaneConfig;
  /** Of backups. */
  readonly folder: string;
  readonly tell: TellProgress;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const WORKING = '.working-';

/**
 * Rows first, then blobs: what the rows name is older than they are. A blob is collected a day after nothing named it at the
 * earliest, so a backup that takes less than that is whole.
 * @returns the folder of the backup
 */
export async function backUp({ config, folder, tell, signal, log }: Task): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Of one that was interrupted; its blobs are kept, and need not be copied again.
  for (const name of await readdir(folder))
    if (name.startsWith(WORKING)) await rm(join(folder, name), { recursive: true });
  const working = join(folder, `${WORKING}${process.pid}`);
  await mkdir(working, { mode: 0o700 });
  try {
    const dumped = await withDatabase(config, log, (url) => dumpTables(url, working, tell, signal));
    const files = await saveFiles(config.dataDir, working);
    const blobs = await copyBlobs(await openBlobStore(config.blobs), await storeIn(folder), tell, signal);
    const backup: Backup = {
      format: 'verge.backup/1',
      at: dumped.at.toISOString(),
      migrations: dumped.migrations,
      tables: dumped.tables,
      files,
      blobs,
    };
    return await finishBackup(working, folder, backup);
  } catch (error) {
    await rm(working, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Blobs and files first, each of which may be there already, then all rows in one transaction: a restore that was interrupted is
 * run again.
 * @param name of the backup; the newest one when absent
 * @throws ControlPlaneError BACKUP_INVALID, RESTORE_REFUSED
 */
export async function restore({ config, folder, tell, signal, log }: Task, name?: string): Promise<Backup> {
  const known = await backupsIn(folder);
  const chosen = name ?? known.at(-1);
  if (chosen === undefined || !known.includes(chosen)) {
    const has = known.length > 0 ? known.join(', ') : 'none';
    throw new ControlPlaneError('BACKUP_INVALID', `${folder}: no backup ${chosen ?? ''}; there are: ${has}`);
  }
  const backup = await readBackup(folder, chosen);
  const root = join(folder, chosen);
  await refuseWhatIsNewer(backup);
  for (const { file } of backup.tables) await checkFile(root, file);
  if (await runs(config.dataDir))
    throw new ControlPlaneError('RESTORE_REFUSED', `a control plane runs on ${config.dataDir}; stop it first`);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await restoreFiles(config.dataDir, root, backup.files);
  await withDatabase(config, log, async (url) => {
    await applyMigrations(url, backup.migrations.at(-1));
    const present = await rowsPresent(url);
    if (present.length > 0) {
      const what = present.map((table) => `${table.name} (${table.rows})`).join(', ');
      throw new ControlPlaneError('RESTORE_REFUSED', `restore into an empty database; this one has rows in ${what}`);
    }
    await copyBlobs(await storeIn(folder), await openBlobStore(config.blobs), tell, signal);
    await fillTables(url, root, backup.tables, tell, signal);
  });
  return backup;
}

const storeIn = (folder: string): Promise<BlobStore> => openBlobStore({ BLOBS_DIR: blobsOf(folder) });

async function refuseWhatIsNewer({ migrations }: Backup): Promise<void> {
  const known = new Set(await migrationNames());
  const unknown = migrations.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const text = `the backup was made by a newer Verge: this one does not know ${unknown.join(', ')}`;
  throw new ControlPlaneError('RESTORE_REFUSED', text);
}

/** What the control plane of the folder wrote down, while it runs. */
async function runningAt(dataDir: string): Promise<{ pid: number; databaseUrl: string } | null> {
  const text = await readFile(join(dataDir, 'control-plane.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const { pid, databaseUrl } = JSON.parse(text) as { pid: number; databaseUrl: string };
  try {
    process.kill(pid, 0);
    return { pid, databaseUrl };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? { pid, databaseUrl } : null;
  }
}

const runs = async (dataDir: string): Promise<boolean> => (await runningAt(dataDir)) !== null;

/** The database that DATABASE_URL names, else the one of the control plane that runs on the folder, else its own, started for it. */
async function withDatabase<T>(config: ControlPlaneConfig, log: Logger, use: (url: string) => Promise<T>): Promise<T> {
  const known = config.databaseUrl ?? (await runningAt(config.dataDir))?.databaseUrl;
  if (known !== undefined) return await use(known);
  const own = await startEmbeddedPostgres(config.dataDir, log);
  try {
    return await use(own.url);
  } finally {
    await own.stop();
  }
}
