import { refuseBad } from '../errors.js';
import type { MetadataFiles } from '../metadata-files.js';
import type { SigningKey } from './keys.js';
import { signedRoot, signedSnapshot, signedTargets, signedTimestamp, signMetadata } from './metadata.js';
import { mapRoles } from './release.js';
import { enoughSigners, newestRoot } from './repository.js';
import { extendRoots } from './rotate.js';
import type { Target } from './roles.js';
import { checkTargets, expiry, expiryAfter } from './roles.js';

/**
 * The director's first root: one online key for all four roles. It is made once for a project and kept; every device is
 * given it when it enrols. Files: `1.root.json`.
 */
export function initDirector(options: { key: SigningKey; lifetimeDays?: number; now?: Date }): MetadataFiles {
  const lifetimes = options.lifetimeDays === undefined ? undefined : { root: options.lifetimeDays };
  const root = signedRoot({
    version: 1,
    expires: expiryAfter('root', lifetimes, options.now ?? new Date()),
    keys: mapRoles(() => [options.key.public]),
    thresholds: mapRoles(() => 1),
  });
  return new Map([['1.root.json', signMetadata(root, [options.key])]]);
}

/** Replaces the director's key, or only renews its root when `nextKey` is the same; returns the new root file. */
export function rotateDirector(options: {
  roots: MetadataFiles;
  key: SigningKey;
  nextKey: SigningKey;
  lifetimeDays?: number;
  now?: Date;
}): MetadataFiles {
  return extendRoots({
    roots: options.roots,
    roleKeys: mapRoles(() => [options.nextKey.public]),
    keys: [options.key, options.nextKey],
    ...(options.lifetimeDays === undefined ? {} : { lifetimes: { root: options.lifetimeDays } }),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
}

export interface DirectorMetadataOptions {
  /** Every root of the director so far, as `initDirector` and `rotateDirector` returned them. */
  roots: MetadataFiles;
  deviceId: string;
  /** What this device is to install, described exactly as in the release repository. */
  targets: readonly Target[];
  /** Per device; each must grow whenever its content changes. */
  versions: { targets: number; snapshot: number; timestamp: number };
  key: SigningKey;
  /** When targets, snapshot and timestamp expire. */
  expires: Date;
}

/**
 * One device's director repository, roots included. Every target's `custom` carries the device's id, so that metadata
 * made for one device is worth nothing on another.
 * @throws TrustError `input-invalid`, `threshold-not-met` (a key that the root does not name), `repository-invalid`
 */
export function directorMetadata(options: DirectorMetadataOptions): MetadataFiles {
  const { deviceId, versions, key } = options;
  const bad = Object.entries(versions).flatMap(([role, version]) =>
    Number.isSafeInteger(version) && version > 0 ? [] : [`versions.${role}: expected an integer from 1`],
  );
  if (deviceId === '') bad.push('deviceId: expected a name');
  refuseBad('director metadata', bad);
  checkTargets(options.targets);
  const root = newestRoot(options.roots);
  const signers = enoughSigners(root, 'targets', [key]);
  const expires = expiry(options.expires);
  const targets = signMetadata(
    signedTargets({
      version: versions.targets,
      expires,
      targets: options.targets.map((target) => ({ ...target, custom: { ...target.custom, deviceId } })),
    }),
    signers,
  );
  const snapshot = signMetadata(
    signedSnapshot({ version: versions.snapshot, expires, targetsVersion: versions.targets, targets }),
    signers,
  );
  const timestamp = signMetadata(
    signedTimestamp({ version: versions.timestamp, expires, snapshotVersion: versions.snapshot, snapshot }),
    signers,
  );
  return new Map([
    ...options.roots,
    [`${versions.targets}.targets.json`, targets],
    [`${versions.snapshot}.snapshot.json`, snapshot],
    ['timestamp.json', timestamp],
  ]);
}
