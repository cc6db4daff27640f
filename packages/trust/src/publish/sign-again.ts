import type { Metadata, Root } from '@tufjs/models';
import type { MetadataFiles } from '../metadata-files.js';
import type { SigningKey } from './keys.js';
import { signedTargets, signMetadata, signedTimestamp } from './metadata.js';
import { sealed } from './release.js';
import type { RepositoryState } from './repository.js';
import { enoughSigners } from './repository.js';
import type { Lifetimes, Role } from './roles.js';
import { expiryAfter } from './roles.js';

/**
 * Signs the same content under new versions and expiries: the roles in `again`, and what must name them (a new targets
 * file needs a new snapshot, everything needs a new timestamp). Returns only the new files.
 * @throws TrustError `threshold-not-met`
 */
export function signAgain(options: {
  state: RepositoryState;
  /** The root that says who may sign; newer than the state's when it has just been rotated. */
  root: Metadata<Root>;
  again: readonly Role[];
  keys: readonly SigningKey[];
  lifetimes: Lifetimes | undefined;
  now: Date;
}): MetadataFiles {
  const { state, root, again, keys, lifetimes, now } = options;
  const { targets, withdrawn } = state;
  const versions = { ...state.versions, timestamp: state.versions.timestamp + 1 };
  const files: MetadataFiles = new Map();
  let { targetsFile } = state;
  if (again.includes('targets')) {
    versions.targets += 1;
    const expires = expiryAfter('targets', lifetimes, now);
    const signed = signedTargets({ version: versions.targets, expires, targets, withdrawn });
    targetsFile = signMetadata(signed, enoughSigners(root, 'targets', keys));
    files.set(`${versions.targets}.targets.json`, targetsFile);
  }
  const timestampSigners = enoughSigners(root, 'timestamp', keys);
  if (again.includes('targets') || again.includes('snapshot')) {
    versions.snapshot += 1;
    const signers = { snapshot: enoughSigners(root, 'snapshot', keys), timestamp: timestampSigners };
    for (const [name, bytes] of sealed({ targetsFile, versions, signers, lifetimes, now })) files.set(name, bytes);
    return files;
  }
  const timestamp = signedTimestamp({
    version: versions.timestamp,
    expires: expiryAfter('timestamp', lifetimes, now),
    snapshotVersion: versions.snapshot,
    snapshot: state.snapshotFile,
  });
  return files.set('timestamp.json', signMetadata(timestamp, timestampSigners));
}
