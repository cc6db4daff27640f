/** Files that are either the old ones or the new ones, whenever the process or the power is cut. */
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.js';

/** Makes entries of a directory (creations, renames) durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Moves away a folder that stands where a file belongs; for any other failure of a rename the failure is thrown again. */
export async function setAside(path: string, failure: unknown): Promise<void> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw failure;
  await rm(`${path}.aside`, { recursive: true, force: true });
  await rename(path, `${path}.aside`);
}

/**
 * Write beside it, fsync, rename over it, fsync the directory.
 * @param beforeRename what is to happen once the new content is durable and the old one still in place
 */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
  beforeRename: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeRename();
    await rename(temporary, path).catch(async (error: unknown) => {
      await setAside(path, error);
      await rename(temporary, path);
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The content, or null when there is no such file. */
export async function readIfPresent(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
