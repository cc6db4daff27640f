import { refuseBad, TrustError } from '../errors.js';
import type { MetadataFiles } from '../metadata-files.js';
import type { SigningKey } from './keys.js';
import {
  addSignatures,
  parseTargets,
  signedRoot,
  signedSnapshot,
  signedTargets,
  signedTimestamp,
  signMetadata,
} from './metadata.js';
import type { RepositoryState } from './repository.js';
import { checkRoles, distinct, enoughSigners, readRepository, roleThreshold, signersFor } from './repository.js';
import type { Lifetimes, Role, Target, Withdraw } from './roles.js';
import { checkTargets, checkWithdraw, expiry, expiryAfter, roles } from './roles.js';

export interface InitRepositoryOptions {
  /** The keys that may sign for each role; the same key may serve several. */
  keys: Record<Role, readonly SigningKey[]>;
  /** How many of a role's keys must sign; default 1. */
  thresholds?: Partial<Record<Role, number>>;
  targets?: readonly Target[];
  lifetimes?: Lifetimes;
  now?: Date;
}

/** Makes version 1 of every role. `1.root.json` is what devices are given as their trusted root. */
export function initRepository(options: InitRepositoryOptions): MetadataFiles {
  const { keys, lifetimes, targets = [], now = new Date() } = options;
  const thresholds = { root: 1, targets: 1, snapshot: 1, timestamp: 1, ...options.thresholds };
  checkRoles(keys, thresholds);
  checkTargets(targets);
  const publicKeys = mapRoles((role) => distinct(keys[role]).map((key) => key.public));
  const root = signedRoot({ version: 1, expires: expiryAfter('root', lifetimes, now), keys: publicKeys, thresholds });
  const targetsFile = signMetadata(
    signedTargets({ version: 1, expires: expiryAfter('targets', lifetimes, now), targets }),
    distinct(keys.targets),
  );
  const signers = { snapshot: distinct(keys.snapshot), timestamp: distinct(keys.timestamp) };
  const versions = { targets: 1, snapshot: 1, timestamp: 1 };
  return new Map([
    ['1.root.json', signMetadata(root, distinct(keys.root))],
    ['1.targets.json', targetsFile],
    ...sealed({ targetsFile, versions, signers, lifetimes, now }),
  ]);
}

export interface UpdateOptions {
  /** The repository as it is; every signature in it is checked before anything is built on it. */
  previous: MetadataFiles;
  /** The root that the publisher trusts; without it the oldest root in `previous` is believed. */
  trustedRoot?: Uint8Array;
  /** Keys at hand, of any role; each signs where the root allows it. */
  keys: readonly SigningKey[];
  lifetimes?: Lifetimes;
  now?: Date;
}

export interface UpdateTargetsOptions extends UpdateOptions {
  /** A target whose path is there already replaces it. */
  add?: readonly Target[];
  /** Targets that are taken back: no longer listed, and recorded as withdrawn for ever. */
  withdraw?: readonly Withdraw[];
}

/**
 * Signs a new list of targets, and snapshot and timestamp over it; returns only the new files.
 * @throws TrustError `threshold-not-met`, `target-unknown`, `input-invalid`, `repository-invalid`
 */
export function updateTargets(options: UpdateTargetsOptions): MetadataFiles {
  const { root } = readRepository(options.previous, options.trustedRoot);
  enoughSigners(root, 'targets', options.keys);
  return sealTargets({ ...options, targets: draftTargets(options).file });
}

/** Targets metadata that may still lack signatures. */
export interface TargetsDraft {
  file: Uint8Array;
  /** How many more keys of the targets role must sign before it can be sealed. */
  missing: number;
}

/**
 * The first of several people signs: new targets with the signatures of the keys at hand. The file goes from hand to
 * hand (`signTargets`) until nothing is missing; then `sealTargets` makes it part of the repository.
 */
export function draftTargets(options: UpdateTargetsOptions): TargetsDraft {
  const state = readRepository(options.previous, options.trustedRoot);
  const now = options.now ?? new Date();
  const { targets, withdrawn } = mergeTargets(state, options.add ?? [], options.withdraw ?? [], now);
  const expires = expiryAfter('targets', options.lifetimes, now);
  const signers = signersFor(state.root, 'targets', options.keys);
  if (signers.length === 0)
    throw new TrustError('threshold-not-met', 'none of the keys at hand belongs to the targets role');
  const signed = signedTargets({ version: state.versions.targets + 1, expires, targets, withdrawn });
  const file = signMetadata(signed, signers);
  return { file, missing: Math.max(0, roleThreshold(state.root, 'targets') - signers.length) };
}

/** The targets in a draft, for a person to look at before signing. @throws TrustError `repository-invalid` */
export function readDraft(file: Uint8Array): { version: number; expires: string; targets: Target[] } {
  const { signed } = parseTargets(file);
  const targets = Object.values(signed.targets).map((target) => ({
    path: target.path,
    length: target.length,
    sha256: target.hashes['sha256'] ?? '',
    custom: target.custom as Target['custom'] & object,
  }));
  return { version: signed.version, expires: signed.expires, targets };
}

/** Another person signs a draft. */
export function signTargets(options: UpdateOptions & { targets: Uint8Array }): TargetsDraft {
  const { root } = readRepository(options.previous, options.trustedRoot);
  parseTargets(options.targets);
  const signers = signersFor(root, 'targets', options.keys);
  if (signers.length === 0)
    throw new TrustError('threshold-not-met', 'none of the keys at hand belongs to the targets role');
  const file = addSignatures(options.targets, signers);
  return { file, missing: Math.max(0, roleThreshold(root, 'targets') - validSignatures(root, file)) };
}

/** Signs snapshot and timestamp over a targets file that has all its signatures; returns the new files. */
export function sealTargets(options: UpdateOptions & { targets: Uint8Array }): MetadataFiles {
  const state = readRepository(options.previous, options.trustedRoot);
  const targets = parseTargets(options.targets);
  const need = roleThreshold(state.root, 'targets');
  const have = validSignatures(state.root, options.targets);
  if (have < need)
    throw new TrustError('threshold-not-met', `targets has ${have} valid signatures of the ${need} needed`);
  refuseBad(
    'targets draft',
    targets.signed.version === state.versions.targets + 1
      ? []
      : [`version: expected ${state.versions.targets + 1}, got ${targets.signed.version}`],
  );
  const files = seal(state, options, options.targets, targets.signed.version);
  return new Map([[`${targets.signed.version}.targets.json`, options.targets], ...files]);
}

function seal(
  state: RepositoryState,
  options: UpdateOptions,
  targetsFile: Uint8Array,
  targetsVersion: number,
): MetadataFiles {
  return sealed({
    targetsFile,
    versions: {
      targets: targetsVersion,
      snapshot: state.versions.snapshot + 1,
      timestamp: state.versions.timestamp + 1,
    },
    signers: {
      snapshot: enoughSigners(state.root, 'snapshot', options.keys),
      timestamp: enoughSigners(state.root, 'timestamp', options.keys),
    },
    lifetimes: options.lifetimes,
    now: options.now ?? new Date(),
  });
}

/** Snapshot and timestamp over a targets file. */
export function sealed(options: {
  targetsFile: Uint8Array;
  versions: Record<'targets' | 'snapshot' | 'timestamp', number>;
  signers: Record<'snapshot' | 'timestamp', readonly SigningKey[]>;
  lifetimes: Lifetimes | undefined;
  now: Date;
}): MetadataFiles {
  const { versions, lifetimes, now } = options;
  const snapshot = signMetadata(
    signedSnapshot({
      version: versions.snapshot,
      expires: expiryAfter('snapshot', lifetimes, now),
      targetsVersion: versions.targets,
      targets: options.targetsFile,
    }),
    options.signers.snapshot,
  );
  const timestamp = signMetadata(
    signedTimestamp({
      version: versions.timestamp,
      expires: expiryAfter('timestamp', lifetimes, now),
      snapshotVersion: versions.snapshot,
      snapshot,
    }),
    options.signers.timestamp,
  );
  return new Map([
    [`${versions.snapshot}.snapshot.json`, snapshot],
    ['timestamp.json', timestamp],
  ]);
}

/** The lists after a change. What was withdrawn stays withdrawn: the same bytes are not listed again under any path. */
function mergeTargets(
  state: Pick<RepositoryState, 'targets' | 'withdrawn'>,
  add: readonly Target[],
  withdraw: readonly Withdraw[],
  now: Date,
): Pick<RepositoryState, 'targets' | 'withdrawn'> {
  checkTargets(add);
  checkWithdraw(withdraw);
  const merged = new Map(state.targets.map((target) => [target.path, target]));
  const unknown = withdraw.filter(({ path }) => !merged.has(path)).map(({ path }) => path);
  if (unknown.length > 0) throw new TrustError('target-unknown', `the repository has no target ${unknown.join(', ')}`);
  const fresh = withdraw.map(({ path, reason }) => {
    return { path, sha256: merged.get(path)!.sha256, reason, withdrawnAt: expiry(now) };
  });
  const withdrawn = [...state.withdrawn, ...fresh];
  const gone = new Set(withdrawn.map(({ sha256 }) => sha256));
  const bad = add.flatMap(({ path, sha256 }, index) =>
    gone.has(sha256) ? [`add[${index}]: ${path} was withdrawn; build the artifact anew to release it again`] : [],
  );
  refuseBad('targets', bad);
  for (const target of add) merged.set(target.path, target);
  return { targets: [...merged.values()].filter(({ sha256 }) => !gone.has(sha256)), withdrawn };
}

function validSignatures(root: RepositoryState['root'], file: Uint8Array): number {
  const targets = parseTargets(file);
  return (root.signed.roles['targets']?.keyIDs ?? []).filter((keyid) => {
    try {
      root.signed.keys[keyid]?.verifySignature(targets);
      return root.signed.keys[keyid] !== undefined;
    } catch {
      return false;
    }
  }).length;
}

export function mapRoles<T>(of: (role: Role) => T): Record<Role, T> {
  const [root, targets, snapshot, timestamp] = roles;
  return { root: of(root), targets: of(targets), snapshot: of(snapshot), timestamp: of(timestamp) };
}
