/** A manifest on the device: parsed, checked against the device, and read from its slot. */
import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactManifest, SelfTest, type ArtifactFile } from '@verge/contracts';
import { checkPreprocess } from '@verge/data';
import { syncDirectory } from '../atomic-file.js';
import { AgentError, reasonOf } from '../errors.js';
import { verifyFile } from './files.js';
import type { Base } from './packed-part.js';
import type { Store } from './store.js';
import type { Target } from './state.js';

/** A manifest with more is no manifest. */
export const maxManifestBytes = 4 * 1024 * 1024;
export const manifestName = 'manifest.json';

export interface Artifact {
  digest: string;
  manifest: ArtifactManifest;
  /** Folder of the slot. */
  folder: string;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * @param deviceClass null when the device does not know its class, because its identity is damaged
 * @throws AgentError `MANIFEST_INVALID` naming every bad field, `DEVICE_CLASS_MISMATCH`
 */
export function parseManifest(bytes: Uint8Array, deviceClass: string | null, target?: Target): ArtifactManifest {
  const manifest = parseAs(ArtifactManifest, bytes, 'manifest');
  const bad: string[] = [];
  if (target && manifest.model !== target.model) bad.push(`model: ${target.model} is desired, it is ${manifest.model}`);
  if (target && manifest.version !== target.version) {
    bad.push(`version: ${target.version} is desired, it is ${manifest.version}`);
  }
  if (manifest.files.some((file) => file.path === manifestName))
    bad.push(`files: ${manifestName} is the manifest's own`);
  if (bad.length > 0) throw new AgentError('MANIFEST_INVALID', bad.join('; '));
  try {
    if (manifest.preprocess) checkPreprocess(manifest.preprocess);
  } catch (error) {
    throw new AgentError('MANIFEST_INVALID', `preprocess: ${reasonOf(error)}`, { cause: error });
  }
  if (deviceClass !== null && manifest.deviceClass !== deviceClass) {
    throw new AgentError(
      'DEVICE_CLASS_MISMATCH',
      `the artifact was built for the class ${manifest.deviceClass}, this device is ${deviceClass}`,
    );
  }
  return manifest;
}

interface Parser<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
}

function parseAs<T>(schema: Parser<T>, bytes: Uint8Array, what: string): T {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new AgentError('MANIFEST_INVALID', `the ${what} is not JSON: ${reasonOf(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const bad = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new AgentError('MANIFEST_INVALID', `${what}: ${bad.join('; ')}`);
}

/** Everything that an artifact consists of: its manifest and its files. */
export function contentsOf(manifestDigest: string, manifest: ArtifactManifest): Set<string> {
  return new Set([manifestDigest, ...manifest.files.map((file) => file.digest)]);
}

/**
 * Fills a slot from the store, every file verified again. What was in the slot is removed first; the files are links to
 * the store's where the file system has links.
 * @throws AgentError `DIGEST_MISMATCH`, `DISK_FULL`
 */
export async function writeSlot(from: {
  folder: string;
  store: Store;
  digest: string;
  manifestBytes: Uint8Array;
  manifest: ArtifactManifest;
}): Promise<void> {
  const { folder, store, digest, manifestBytes, manifest } = from;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (digestOf(manifestBytes) !== digest) throw new AgentError('DIGEST_MISMATCH', `the manifest is not ${digest}`);
  for (const file of manifest.files) {
    const from = store.path(file.digest);
    const to = join(folder, file.path);
    await link(from, to).catch(() => copySynced(from, to));
    await requireFile(folder, file);
  }
  // The manifest is last: a slot that has one is complete.
  const out = await open(join(folder, manifestName), 'wx', 0o600);
  try {
    await out.writeFile(manifestBytes);
    await out.sync();
  } finally {
    await out.close();
  }
  await syncDirectory(folder);
}

async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function requireFile(folder: string, file: ArtifactFile): Promise<void> {
  if (await verifyFile(join(folder, file.path), file)) return;
  throw new AgentError('DIGEST_MISMATCH', `${file.path} is not ${file.digest} with ${file.bytes} bytes`);
}

/**
 * Reads a slot and verifies every file in it.
 * @throws AgentError `DIGEST_MISMATCH`, `MANIFEST_INVALID`, `DEVICE_CLASS_MISMATCH`
 */
export async function readSlot(folder: string, digest: string, deviceClass: string | null): Promise<Artifact> {
  const bytes = await readFile(join(folder, manifestName)).catch((error: unknown) => {
    throw new AgentError('DIGEST_MISMATCH', `${folder} holds no manifest`, { cause: error });
  });
  if (digestOf(bytes) !== digest) throw new AgentError('DIGEST_MISMATCH', `the manifest in ${folder} is not ${digest}`);
  const manifest = parseManifest(bytes, deviceClass);
  for (const file of manifest.files) await requireFile(folder, file);
  return { digest, manifest, folder };
}

async function manifestOf(
  folder: string,
  digest: string | null,
  deviceClass: string | null,
): Promise<ArtifactManifest | null> {
  if (digest === null || !(await readdir(folder).catch((): string[] => [])).includes(manifestName)) return null;
  try {
    return parseManifest(await readFile(join(folder, manifestName)), deviceClass);
  } catch {
    return null;
  }
}

/** Digests of what a slot refers to; empty when it holds no readable manifest. */
export async function slotContents(
  folder: string,
  digest: string | null,
  deviceClass: string | null,
): Promise<Set<string>> {
  const manifest = await manifestOf(folder, digest, deviceClass);
  return digest === null || manifest === null ? new Set() : contentsOf(digest, manifest);
}

/** The model of a slot: the next version may come as what has changed since. */
export async function slotBases(folder: string, digest: string | null, deviceClass: string | null): Promise<Base[]> {
  const files = (await manifestOf(folder, digest, deviceClass))?.files ?? [];
  return files.filter(({ role }) => role === 'model').map((file) => ({ digest: file.digest, path: join(folder, file.path) })); // prettier-ignore
}

/** @throws AgentError `DIGEST_MISMATCH` */
export async function readModel(artifact: Artifact): Promise<Uint8Array> {
  const file = artifact.manifest.files.find((f) => f.role === 'model')!;
  const bytes = await readFile(join(artifact.folder, file.path));
  if (digestOf(bytes) !== file.digest) throw new AgentError('DIGEST_MISMATCH', `${file.path} is not ${file.digest}`);
  return bytes;
}

/** The signed self-tests of an artifact. @throws AgentError `MANIFEST_INVALID` */
export async function readSelfTests(artifact: Artifact): Promise<SelfTest[]> {
  const tests: SelfTest[] = [];
  for (const file of artifact.manifest.files.filter((f) => f.role === 'self-test')) {
    tests.push(parseAs(SelfTest, await readFile(join(artifact.folder, file.path)), file.path));
  }
  return tests;
}
