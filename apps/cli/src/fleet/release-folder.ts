/** The operator's keys folder: private keys as `*.key.json`, the repository as this folder knows it in `metadata/`. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type MetadataFiles,
  readKeyFile,
  readRepository,
  repositoryStatus,
  type SigningKey,
  TrustError,
} from '@verge/trust/publish';
import type { Remote } from '../command.js';
import { CliError } from '../errors.js';

export const passphrase = (): { passphrase?: string } =>
  process.env['VERGE_KEY_PASSPHRASE'] ? { passphrase: process.env['VERGE_KEY_PASSPHRASE'] } : {};

export async function writeFolder(folder: string, files: MetadataFiles): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of files) {
    const next = join(folder, `.${name}.new`);
    await writeFile(next, content);
    await rename(next, join(folder, name));
  }
}

export async function readFolder(folder: string): Promise<Map<string, Uint8Array>> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const files = new Map<string, Uint8Array>();
  for (const name of names.filter((n) => /^([0-9]+\.)?(root|targets|snapshot|timestamp)\.json$/.test(n)))
    files.set(name, await readFile(join(folder, name)));
  return files;
}

const versionOf = (name: string): number => Number(name.split('.')[0]);

function rootsOf(files: MetadataFiles): [string, Uint8Array][] {
  return [...files].filter(([name]) => name.endsWith('.root.json')).sort(([a], [b]) => versionOf(a) - versionOf(b));
}

async function localRepository(
  keys: string,
): Promise<{ files: MetadataFiles; oldest: Uint8Array; newest: Uint8Array }> {
  const files = await readFolder(join(keys, 'metadata'));
  const roots = rootsOf(files);
  const [oldest, newest] = [roots.at(0)?.[1], roots.at(-1)?.[1]];
  if (!oldest || !newest)
    throw new CliError('missing', `'${keys}' holds no release repository`, [
      'make one with: verge releases init --keys DIR',
    ]);
  return { files, oldest, newest };
}

/** The newest root of a keys folder: what devices are given to trust. */
export async function trustedRoot(keys: string): Promise<Uint8Array> {
  return (await localRepository(keys)).newest;
}

export interface KeyFile {
  /** Its name in the folder. */
  name: string;
  key: SigningKey;
}

/** Every key at hand. @throws CliError naming each file that cannot be used, and why */
export async function keysOf(folder: string): Promise<KeyFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.key.json')).sort();
  const found: KeyFile[] = [];
  const bad: string[] = [];
  for (const name of names) {
    try {
      found.push({ name, key: await readKeyFile(join(folder, name), passphrase()) });
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      const help = error.code === 'passphrase-needed' ? '; set VERGE_KEY_PASSPHRASE' : '';
      bad.push(`${name}: ${error.message}${help}`);
    }
  }
  if (bad.length > 0) throw new CliError('usage', `'${folder}': ${bad.length} keys cannot be used`, bad);
  return found;
}

export interface Repository {
  /** The newest state, with every root that either side knows. */
  files: MetadataFiles;
  /** The oldest root of the folder: what everything must follow from. */
  trustedRoot: Uint8Array;
  /** What the control plane has. */
  published: MetadataFiles;
}

/** The repository as this folder knows it, or as the server does where that is newer; never older. */
export async function currentRepository({ client, params }: Remote, keys: string): Promise<Repository> {
  const { files: local, oldest: root } = await localRepository(keys);
  const { files } = await client.call('releases.metadata', { params });
  const published = new Map(files.map((f) => [f.name, new Uint8Array(Buffer.from(f.content, 'base64'))]));
  if (files.length === 0) return { files: local, trustedRoot: root, published };
  const mine = readRepository(local, root).versions;
  const theirs = readRepository(published, root).versions;
  const behind =
    theirs.root > mine.root ||
    theirs.targets > mine.targets ||
    (theirs.targets === mine.targets && theirs.timestamp > mine.timestamp);
  const roots = [...rootsOf(published), ...rootsOf(local)];
  return { files: new Map([...roots, ...(behind ? published : local)]), trustedRoot: root, published };
}

/** The files of a repository that a device would read: every root, and the newest of each other role. */
export function servedFiles(files: MetadataFiles, trustedRoot: Uint8Array): MetadataFiles {
  const { targets, snapshot } = readRepository(files, trustedRoot).versions;
  const names = [`${targets}.targets.json`, `${snapshot}.snapshot.json`, 'timestamp.json'];
  return new Map([...rootsOf(files), ...names.map((name) => [name, files.get(name)!] as const)]);
}

/** What the control plane does not have yet. */
export function unpublished(files: MetadataFiles, published: MetadataFiles): { name: string; content: string }[] {
  return [...files].flatMap(([name, content]) => {
    const old = published.get(name);
    if (old !== undefined && Buffer.compare(old, content) === 0) return [];
    return [{ name, content: Buffer.from(content).toString('base64') }];
  });
}

/** Of a role, the keys that are at hand, and how many of them must sign. */
export function atHand(files: MetadataFiles, trustedRoot: Uint8Array, keys: readonly KeyFile[]): Map<string, number> {
  const ids = new Set(keys.map(({ key }) => key.keyid));
  const { roles } = repositoryStatus(files, trustedRoot);
  return new Map(roles.map(({ role, keyids }) => [role, keyids.filter((id) => ids.has(id)).length]));
}
