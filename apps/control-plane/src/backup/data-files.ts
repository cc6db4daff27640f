/** What the control plane keeps in its data folder beside its database and its blobs: above all its keys. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ControlPlaneError } from '../errors.js';
import { checkFile, type StoredFile } from './backup-folder.js';

/** What is copied in its own way, or is of one run only. */
const apart = new Set(['postgres', 'blobs', 'parts', 'control-plane.json']);

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Copies them to `<root>/files`. */
export async function saveFiles(dataDir: string, root: string): Promise<StoredFile[]> {
  const saved: StoredFile[] = [];
  for (const top of await readdir(dataDir, { withFileTypes: true })) {
    // control-plane.json.1234 is one that is just being written.
    if (apart.has(top.name) || top.name.startsWith('control-plane.json')) continue;
    const found = top.isDirectory() ? await filesBelow(join(dataDir, top.name)) : [join(dataDir, top.name)];
    for (const file of found.sort()) {
      const content = await readFile(file);
      const path = join('files', relative(dataDir, file));
      await mkdir(dirname(join(root, path)), { recursive: true, mode: 0o700 });
      await writeFile(join(root, path), content, { mode: (await stat(file)).mode & 0o777, flush: true });
      saved.push({ path, bytes: content.byteLength, digest: digestOf(content) });
    }
  }
  return saved;
}

const digestOf = (content: Uint8Array): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/**
 * Puts them back, each with its permissions; one that is there already and the same stays.
 * @throws ControlPlaneError RESTORE_REFUSED for one that is there and differs, before any is written; BACKUP_INVALID
 */
export async function restoreFiles(dataDir: string, root: string, files: readonly StoredFile[]): Promise<void> {
  const missing: StoredFile[] = [];
  const differing: string[] = [];
  for (const file of files) {
    await checkFile(root, file);
    const present = await readFile(target(dataDir, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (present === null) missing.push(file);
    else if (digestOf(present) !== file.digest) differing.push(target(dataDir, file));
  }
  if (differing.length > 0) {
    const text = `restore into a new VERGE_DATA_DIR; this one has other files: ${differing.join(', ')}`;
    throw new ControlPlaneError('RESTORE_REFUSED', text);
  }
  for (const file of missing) {
    const at = target(dataDir, file);
    const source = join(root, file.path);
    await mkdir(dirname(at), { recursive: true, mode: 0o700 });
    await writeFile(`${at}.restoring`, await readFile(source), { mode: 0o600, flush: true });
    await chmod(`${at}.restoring`, (await stat(source)).mode & 0o777);
    await rename(`${at}.restoring`, at);
  }
}

const target = (dataDir: string, { path }: StoredFile): string => {
  const inside = relative('files', path);
  if (inside.startsWith('..')) throw new ControlPlaneError('BACKUP_INVALID', `${path} is not below files/`);
  return join(dataDir, inside);
};
