import type { MetadataFiles } from '../metadata-files.js';
import type { SigningKey, TufKey } from './keys.js';
import { parseRoot, signedRoot, signMetadata } from './metadata.js';
import type { UpdateOptions } from './release.js';
import { mapRoles } from './release.js';
import {
  checkRoles,
  distinct,
  newestRoot,
  readRepository,
  requireThreshold,
  roleKeys,
  roleThreshold,
  signersFor,
} from './repository.js';
import type { Lifetimes, Role } from './roles.js';
import { expiryAfter, roles } from './roles.js';
import { signAgain } from './sign-again.js';

export interface RotateRootOptions extends UpdateOptions {
  /** The new public keys of the roles that change; roles that are absent keep theirs. */
  roleKeys?: Partial<Record<Role, readonly TufKey[]>>;
  thresholds?: Partial<Record<Role, number>>;
}

/**
 * Signs the next root with a threshold of the old root keys and of the new ones (TUF specification 5.3.4 has clients ask
 * for both), and signs the other roles anew where their keys or thresholds change, so that the repository stays valid as a
 * whole. A fresh timestamp comes with it where its keys are at hand.
 * @throws TrustError `threshold-not-met`, `input-invalid`, `repository-invalid`
 */
export function rotateRoot(options: RotateRootOptions): MetadataFiles {
  const state = readRepository(options.previous, options.trustedRoot);
  const { keys, lifetimes, now = new Date() } = options;
  const rootFile = nextRoot({ ...options, root: state.root, now });
  const root = parseRoot(rootFile);
  const files: MetadataFiles = new Map([[`${state.versions.root + 1}.root.json`, rootFile]]);
  const changed = (role: Role) => options.roleKeys?.[role] !== undefined || options.thresholds?.[role] !== undefined;
  const again = roles.filter((role) => role !== 'root' && changed(role));
  const canStamp = signersFor(root, 'timestamp', keys).length >= roleThreshold(root, 'timestamp');
  if (again.length === 0 && !canStamp) return files;
  // A client forgets timestamp and snapshot when their keys change (5.3.11), and asks for both under the new keys.
  if (again.includes('timestamp') && !again.includes('snapshot')) again.push('snapshot');
  return new Map([...files, ...signAgain({ state, root, again, keys, lifetimes, now })]);
}

/** The root after `root`, signed by both. @throws TrustError `threshold-not-met`, `input-invalid` */
export function nextRoot(options: {
  root: ReturnType<typeof newestRoot>;
  roleKeys?: Partial<Record<Role, readonly TufKey[]>>;
  thresholds?: Partial<Record<Role, number>>;
  keys: readonly SigningKey[];
  lifetimes?: Lifetimes;
  now: Date;
}): Uint8Array {
  const { root } = options;
  const keys = mapRoles((role) => distinct(options.roleKeys?.[role] ?? roleKeys(root, role)));
  const thresholds = mapRoles((role) => options.thresholds?.[role] ?? roleThreshold(root, role));
  checkRoles(keys, thresholds);
  const oldSigners = signersFor(root, 'root', options.keys);
  const newIds = new Set(keys.root.map((key) => key.keyid));
  const newSigners = distinct(options.keys).filter((key) => newIds.has(key.keyid));
  requireThreshold('root', oldSigners.length, roleThreshold(root, 'root'));
  requireThreshold('root', newSigners.length, thresholds.root);
  const expires = expiryAfter('root', options.lifetimes, options.now);
  const signed = signedRoot({ version: root.signed.version + 1, expires, keys, thresholds });
  return signMetadata(signed, distinct([...oldSigners, ...newSigners]));
}

/** A chain of roots alone, for a repository whose other roles are made afresh each time (the director's). */
export function extendRoots(options: {
  roots: MetadataFiles;
  roleKeys?: Partial<Record<Role, readonly TufKey[]>>;
  keys: readonly SigningKey[];
  lifetimes?: Lifetimes;
  now?: Date;
}): MetadataFiles {
  const root = newestRoot(options.roots);
  return new Map([
    [`${root.signed.version + 1}.root.json`, nextRoot({ ...options, root, now: options.now ?? new Date() })],
  ]);
}
