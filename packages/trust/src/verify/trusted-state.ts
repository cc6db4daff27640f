import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { reasonOf, TrustError } from '../errors.js';

/** The metadata that a device believes, by role file (`root.json`, `timestamp.json`, …). */
export type TrustedFiles = Map<string, Uint8Array>;

const State = z.strictObject({
  format: z.literal('verge-trusted-metadata'),
  version: z.literal(1),
  files: z.record(z.string().regex(/^[A-Za-z0-9._%-]+\.json$/), z.base64()),
});

const stateFile = 'trusted.json';
const staleMs = 60 * 60 * 1000;

/**
 * Reads the trusted metadata; null before the first time.
 * @throws TrustError `trusted-state-damaged`: believing it again from the first root would lose rollback protection, so
 * that is a person's decision (delete the folder)
 */
export async function loadTrusted(dir: string): Promise<TrustedFiles | null> {
  const path = join(dir, stateFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new TrustError('trusted-state-damaged', `${path}: ${reasonOf(error)}`, { cause: error });
  }
  try {
    const { files } = State.parse(JSON.parse(text));
    return new Map(
      Object.entries(files).map(([name, content]) => [name, new Uint8Array(Buffer.from(content, 'base64'))]),
    );
  } catch (error) {
    throw new TrustError('trusted-state-damaged', `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Replaces the trusted metadata in one step: a device killed at any point has the old state or the new one. */
export async function saveTrusted(dir: string, files: TrustedFiles): Promise<void> {
  const content = Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]));
  const state: z.infer<typeof State> = { format: 'verge-trusted-metadata', version: 1, files: content };
  const temporary = join(dir, `${stateFile}.new`);
  try {
    await mkdir(dir, { recursive: true });
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(state)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(dir, stateFile));
  } catch (error) {
    await rm(temporary, { force: true });
    throw new TrustError('trusted-state-unwritable', `${dir}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Gives `work` a private folder that holds the trusted files, for tuf-js keeps its state as files that it overwrites in
 * place, and saves what is there afterwards - also after a refusal, since whatever was verified before it stays known
 * (TUF specification 5.3.8, 5.4.5, 5.5.7).
 */
export async function withTrustedFolder<T>(
  dir: string,
  trusted: TrustedFiles,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeFolder(dir, trusted);
  try {
    try {
      return await work(folder);
    } finally {
      const now = await readFiles(folder);
      if (!sameFiles(trusted, now)) await saveTrusted(dir, now);
      for (const [name, bytes] of now) trusted.set(name, bytes);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeFolder(dir: string, trusted: TrustedFiles): Promise<string> {
  try {
    await mkdir(dir, { recursive: true });
    await sweep(dir);
    const folder = await mkdtemp(join(dir, 'refresh-'));
    for (const [name, bytes] of trusted) await writeFile(join(folder, name), bytes);
    return folder;
  } catch (error) {
    throw new TrustError('trusted-state-unwritable', `${dir}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Folders of processes that were killed while refreshing. */
async function sweep(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith('refresh-')) continue;
    const age =
      Date.now() -
      (await stat(join(dir, name)).then(
        (found) => found.mtimeMs,
        () => Date.now(),
      ));
    if (age > staleMs) await rm(join(dir, name), { recursive: true, force: true });
  }
}

async function readFiles(folder: string): Promise<TrustedFiles> {
  const files: TrustedFiles = new Map();
  for (const name of (await readdir(folder)).sort())
    files.set(name, new Uint8Array(await readFile(join(folder, name))));
  return files;
}

function sameFiles(a: TrustedFiles, b: TrustedFiles): boolean {
  return (
    a.size === b.size && [...a].every(([name, bytes]) => Buffer.from(bytes).equals(b.get(name) ?? Buffer.alloc(0)))
  );
}
