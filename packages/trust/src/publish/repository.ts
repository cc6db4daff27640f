import type { Metadata, Root } from '@tufjs/models';
import { reasonOf, refuseBad, TrustError } from '../errors.js';
import type { MetadataFiles } from '../metadata-files.js';
import type { Withdrawal } from '../withdrawal.js';
import { withdrawalsIn } from '../withdrawal.js';
import type { CanonicalValue } from './canonical-json.js';
import type { SigningKey, TufKey } from './keys.js';
import { tufKey } from './keys.js';
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from './metadata.js';
import type { Role, Target } from './roles.js';

/** The newest state of a repository that a publisher builds on, its signatures checked. */
export interface RepositoryState {
  root: Metadata<Root>;
  versions: Record<Role, number>;
  /** When each role's metadata expires, as it says. */
  expires: Record<Role, string>;
  targets: Target[];
  withdrawn: Withdrawal[];
  targetsFile: Uint8Array;
  snapshotFile: Uint8Array;
}

/**
 * Reads a repository and checks every signature from `trustedRoot` on (or from the oldest root in the files), because
 * the publisher is about to put its own name under what it finds here. Expiry does not matter: signing is how it ends.
 * @throws TrustError `repository-invalid`
 */
export function readRepository(files: MetadataFiles, trustedRoot?: Uint8Array): RepositoryState {
  const root = newestRoot(files, trustedRoot);
  const timestamp = parseTimestamp(need(files, 'timestamp.json'));
  const snapshotFile = need(files, `${timestamp.signed.snapshotMeta.version}.snapshot.json`);
  const snapshot = parseSnapshot(snapshotFile);
  const listed = snapshot.signed.meta['targets.json'];
  if (!listed) throw new TrustError('repository-invalid', 'snapshot: lists no targets.json');
  const targetsFile = need(files, `${listed.version}.targets.json`);
  const targets = parseTargets(targetsFile);
  try {
    root.verifyDelegate('timestamp', timestamp);
    root.verifyDelegate('snapshot', snapshot);
    root.verifyDelegate('targets', targets);
    timestamp.signed.snapshotMeta.verify(Buffer.from(snapshotFile));
    listed.verify(Buffer.from(targetsFile));
  } catch (error) {
    throw new TrustError('repository-invalid', reasonOf(error), { cause: error });
  }
  return {
    root,
    versions: {
      root: root.signed.version,
      targets: targets.signed.version,
      snapshot: snapshot.signed.version,
      timestamp: timestamp.signed.version,
    },
    expires: {
      root: root.signed.expires,
      targets: targets.signed.expires,
      snapshot: snapshot.signed.expires,
      timestamp: timestamp.signed.expires,
    },
    targets: targetsOf(targets.signed.targets),
    withdrawn: withdrawalsOf(targets.signed.unrecognizedFields),
    targetsFile,
    snapshotFile,
  };
}

/** TUF specification 5.3: each root is signed by a threshold of the one before and of itself. */
export function newestRoot(files: MetadataFiles, trustedRoot?: Uint8Array): Metadata<Root> {
  const versions = [...files.keys()].flatMap((name) => /^(\d+)\.root\.json$/.exec(name)?.slice(1).map(Number) ?? []);
  const first = trustedRoot ?? files.get(`${Math.min(...versions)}.root.json`);
  if (!first) throw new TrustError('repository-invalid', 'there is no root metadata');
  let root = parseRoot(first);
  try {
    root.verifyDelegate('root', root);
    for (;;) {
      const next = files.get(`${root.signed.version + 1}.root.json`);
      if (!next) return root;
      const candidate = parseRoot(next);
      root.verifyDelegate('root', candidate);
      candidate.verifyDelegate('root', candidate);
      if (candidate.signed.version !== root.signed.version + 1) throw new Error('a root has the version of another');
      root = candidate;
    }
  } catch (error) {
    if (error instanceof TrustError) throw error;
    throw new TrustError('repository-invalid', `root: ${reasonOf(error)}`, { cause: error });
  }
}

function withdrawalsOf(unrecognized: Readonly<Record<string, unknown>>): Withdrawal[] {
  try {
    return withdrawalsIn(unrecognized);
  } catch (error) {
    throw new TrustError('repository-invalid', `targets: ${reasonOf(error)}`, { cause: error });
  }
}

function targetsOf(map: ReturnType<typeof parseTargets>['signed']['targets']): Target[] {
  // JavaScript puts keys that look like numbers first; a person reads paths in order.
  const files = Object.values(map).sort((a, b) => (a.path < b.path ? -1 : 1));
  return files.map((file) => {
    const custom = file.unrecognizedFields['custom'] as Record<string, CanonicalValue> | undefined;
    const sha256 = file.hashes['sha256'];
    if (sha256 === undefined) throw new TrustError('repository-invalid', `target ${file.path} has no sha256`);
    return { path: file.path, length: file.length, sha256, ...(custom === undefined ? {} : { custom }) };
  });
}

function need(files: MetadataFiles, name: string): Uint8Array {
  const file = files.get(name);
  if (!file) throw new TrustError('repository-invalid', `${name} is missing`);
  return file;
}

/** The public keys that a root gives to a role. */
export function roleKeys(root: Metadata<Root>, role: Role): TufKey[] {
  return (root.signed.roles[role]?.keyIDs ?? []).map((keyid) => {
    const key = root.signed.keys[keyid];
    const publicHex = key?.keyVal['public'];
    if (key?.keyType !== 'ed25519' || publicHex === undefined) {
      throw new TrustError('repository-invalid', `key ${keyid} is not an Ed25519 key`);
    }
    return tufKey(publicHex);
  });
}

export function roleThreshold(root: Metadata<Root>, role: Role): number {
  return root.signed.roles[role]?.threshold ?? 1;
}

/** Of the keys at hand, those that may sign for a role. */
export function signersFor(root: Metadata<Root>, role: Role, keys: readonly SigningKey[]): SigningKey[] {
  const allowed = new Set(root.signed.roles[role]?.keyIDs);
  return distinct(keys).filter((key) => allowed.has(key.keyid));
}

/** @throws TrustError `threshold-not-met` */
export function enoughSigners(root: Metadata<Root>, role: Role, keys: readonly SigningKey[]): SigningKey[] {
  const signers = signersFor(root, role, keys);
  requireThreshold(role, signers.length, roleThreshold(root, role));
  return signers;
}

export function requireThreshold(role: Role, have: number, need: number): void {
  if (have < need)
    throw new TrustError('threshold-not-met', `${role} needs ${need} of its keys, and ${have} are at hand`);
}

export function distinct<K extends { keyid: string }>(keys: readonly K[]): K[] {
  return [...new Map(keys.map((key) => [key.keyid, key])).values()];
}

/** @throws TrustError `input-invalid` naming every role whose threshold its keys cannot reach */
export function checkRoles(keys: Record<Role, readonly { keyid: string }[]>, thresholds: Record<Role, number>): void {
  const bad: string[] = [];
  for (const [role, list] of Object.entries(keys)) {
    const threshold = thresholds[role as Role];
    if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > distinct(list).length) {
      bad.push(`${role}: expected a threshold from 1 to its ${distinct(list).length} keys, got ${threshold}`);
    }
  }
  refuseBad('roles', bad);
}
