/**
 * A folder of backups:
 *
 *     blobs/                        the blobs of all backups, each once: a later backup adds what is new
 *     2026-01-31T12-00-00.000Z/     one backup
 *       backup.json                 what it holds; written last
 *       tables/NAME.copy.gz         the rows of a table, in PostgreSQL's text form of COPY
 *       files/...                   what the control plane keeps in its data folder beside the database and the blobs
 *
 * It holds private keys and password hashes: only its owner can read it.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Digest, Instant } from '@verge/contracts';
import { z } from 'zod';
import { ControlPlaneError } from '../errors.js';

const FORMAT = 'verge.backup/1';
const FILE = 'backup.json';

const StoredFile = z.strictObject({ path: z.string(), bytes: z.int().min(0), digest: Digest });
export type StoredFile = z.infer<typeof StoredFile>;

export const BackedUpTable = z.strictObject({
  name: z.string(),
  columns: z.array(z.string()),
  rows: z.int().min(0),
  file: StoredFile,
});
export type BackedUpTable = z.infer<typeof BackedUpTable>;

export const Backup = z.strictObject({
  format: z.literal(FORMAT),
  /** When the rows were read: all of them as they were at this one moment. */
  at: Instant,
  /** The migrations that the database had. */
  migrations: z.array(z.string()),
  tables: z.array(BackedUpTable),
  files: z.array(StoredFile),
  blobs: z.strictObject({ count: z.int().min(0), bytes: z.int().min(0) }),
});
export type Backup = z.infer<typeof Backup>;

export const blobsOf = (folder: string): string => join(folder, 'blobs');
export const nameAt = (at: Date): string => at.toISOString().replaceAll(':', '-');

const isName = (name: string): boolean => /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/.test(name);

/** The names of the backups that are whole, the oldest first. */
export async function backupsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter(isName).sort();
}

/** @throws ControlPlaneError BACKUP_INVALID naming what is wrong */
export async function readBackup(folder: string, name: string): Promise<Backup> {
  const at = join(folder, name, FILE);
  const invalid = (why: string, cause?: unknown): ControlPlaneError =>
    new ControlPlaneError('BACKUP_INVALID', `${at}: ${why}`, { cause });
  const text = await readFile(at, 'utf8').catch((cause: unknown) => {
    throw invalid('cannot be read', cause);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid('is not JSON', cause);
  }
  const parsed = Backup.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`);
  throw invalid(`is not a backup that this version reads: ${problems.join('; ')}`);
}

/** Makes what was written under a working name a backup: whole, or not at all. */
export async function finishBackup(working: string, folder: string, backup: Backup): Promise<string> {
  const file = await open(join(working, FILE), 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(backup, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  const path = join(folder, nameAt(new Date(backup.at)));
  await rename(working, path);
  return path;
}

/** @throws ControlPlaneError BACKUP_INVALID when a file is missing or is not what was written */
export async function checkFile(root: string, { path, bytes, digest }: StoredFile): Promise<void> {
  const at = join(root, path);
  const hash = createHash('sha256');
  let found = 0;
  try {
    for await (const chunk of createReadStream(at) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      found += chunk.byteLength;
    }
  } catch (cause) {
    throw new ControlPlaneError('BACKUP_INVALID', `${at} cannot be read`, { cause });
  }
  const is = `sha256:${hash.digest('hex')}`;
  if (is === digest && found === bytes) return;
  throw new ControlPlaneError(
    'BACKUP_INVALID',
    `${at} is damaged: expected ${bytes} bytes of ${digest}, has ${found} of ${is}`,
  );
}
