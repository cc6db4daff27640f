/** Reading what the user names, and writing so that a kill leaves the old file or the new one, never half of one. */
import { constants } from 'node:buffer';
import { access, type FileHandle, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { CliError } from '../errors.js';

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Node reads no more than 2 GiB of a file at once. */
const AT_ONCE = 2 ** 30;

/** A part of a file in memory of its own; shorter where the file is. */
export async function readInto(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(AT_ONCE, length - filled), offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function readAll(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size <= AT_ONCE) return readFile(path);
  if (size > constants.MAX_LENGTH)
    throw new RangeError(
      `it has ${size} bytes, and no more than ${constants.MAX_LENGTH} of one file are held in memory`,
    );
  const file = await open(path, 'r');
  try {
    const bytes = await readInto(file, 0, size);
    if (bytes.byteLength < size) throw new RangeError(`it became shorter than ${size} bytes while it was read`);
    return bytes;
  } finally {
    await file.close();
  }
}

/** @throws CliError `missing` */
export function missing(what: string, path: string, cause: unknown): never {
  throw new CliError('missing', `cannot read the ${what} '${path}'`, [reasonOf(cause)], { cause });
}

/** @throws CliError `missing` */
export async function readGiven(path: string, what: string): Promise<Uint8Array> {
  return readAll(path).catch((cause: unknown) => missing(what, path, cause));
}

/**
 * @param paths by the field that names them
 * @throws CliError `missing` naming every one that does not exist
 */
export async function refuseMissing(paths: Readonly<Record<string, string>>, document: string): Promise<void> {
  const lost: string[] = [];
  for (const [field, path] of Object.entries(paths))
    await access(path).catch((cause: NodeJS.ErrnoException) =>
      lost.push(`${field}: ${cause.code === 'ENOENT' ? `'${path}' does not exist` : reasonOf(cause)}`),
    );
  if (lost.length > 0)
    throw new CliError('missing', `'${document}' names what cannot be opened`, lost, { reason: 'not-found' });
}

/**
 * Pieces into a file that is there only when the last of them is.
 * @throws CliError `usage` when no file can be made there; what the pieces throw
 */
export async function writeDraft(
  path: string,
  pieces: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'w').catch((cause: unknown) => {
    throw new CliError('usage', `cannot write '${path}'`, [reasonOf(cause)], { cause });
  });
  try {
    for await (const piece of pieces) await file.writeFile(piece);
    await file.sync();
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** @throws CliError `usage` when no file can be made there */
export function writeWhole(path: string, content: Uint8Array | string | Iterable<Uint8Array>): Promise<void> {
  const whole = typeof content === 'string' || content instanceof Uint8Array;
  return writeDraft(path, whole ? [content] : content);
}

/** What a kill in the middle of `writeWhole` left. */
export async function removeDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names)
    if (/\.[0-9]+\.new$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
}

export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeWhole(path, JSON.stringify(value, null, 2) + '\n');

/** Makes the folder. @returns the names in it */
export async function folderFor(path: string): Promise<string[]> {
  try {
    await mkdir(path, { recursive: true });
    return await readdir(path);
  } catch (cause) {
    throw new CliError('usage', `--out: '${path}' cannot be a folder`, [reasonOf(cause)], { cause });
  }
}

/** @throws CliError `usage` when the folder holds anything and `force` does not allow it */
export async function emptyFolder(path: string, force: boolean, advice: string): Promise<void> {
  const names = await folderFor(path);
  if (names.length > 0 && !force)
    throw new CliError('usage', `--out: '${path}' is not empty`, [
      `it holds ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`,
      advice,
    ]);
}

/** Runs what writes into a folder; where it fails before there is anything to keep, a folder that it made is gone again. */
export async function leavingNothing<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = await access(folder).then(
    () => true,
    () => false,
  );
  try {
    return await work();
  } catch (error) {
    // Only an empty folder can be removed so.
    if (!before) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** A path that a file names, relative to that file. */
export const beside = (file: string, path: string): string => (isAbsolute(path) ? path : join(dirname(file), path));
