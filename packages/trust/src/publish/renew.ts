import type { MetadataFiles } from '../metadata-files.js';
import type { UpdateOptions } from './release.js';
import { enoughSigners, readRepository, roleThreshold, signersFor } from './repository.js';
import type { Role } from './roles.js';
import { defaultLifetimes, roles } from './roles.js';
import { nextRoot } from './rotate.js';
import { signAgain } from './sign-again.js';

const dayMs = 24 * 60 * 60 * 1000;

/** A role is near its expiry in the last third of its usual life: people need days, not hours, to get at their keys. */
export function nearExpiry(role: Role, expires: string, now: Date): boolean {
  return Date.parse(expires) - now.getTime() < (defaultLifetimes[role] / 3) * dayMs;
}

export interface RenewOptions extends UpdateOptions {
  /** Renew every role whose keys are at hand, also one that is far from its expiry. */
  all?: boolean;
}

export interface Renewed {
  /** Only the new files. */
  files: MetadataFiles;
  renewed: Role[];
  /** Near their expiry, and not renewed, because too few of their keys are at hand. */
  lacking: Role[];
}

/**
 * Signs the same state again with later expiries: the timestamp always, every other role when it is near its expiry.
 * @throws TrustError `threshold-not-met` without the timestamp's keys, `repository-invalid`
 */
export function renewRepository(options: RenewOptions): Renewed {
  const { keys, lifetimes, now = new Date(), all = false } = options;
  const state = readRepository(options.previous, options.trustedRoot);
  enoughSigners(state.root, 'timestamp', keys);
  const near = (role: Role): boolean => nearExpiry(role, state.expires[role], now);
  const can = (role: Role): boolean =>
    signersFor(state.root, role, keys).length >= roleThreshold(state.root, role) &&
    // A new targets file needs a snapshot that names it.
    (role !== 'targets' || can('snapshot'));
  const renewed = roles.filter((role) => (role === 'timestamp' || all || near(role)) && can(role));
  const lacking = roles.filter((role) => near(role) && !renewed.includes(role));
  const files = signAgain({ state, root: state.root, again: renewed, keys, lifetimes, now });
  // The same keys under a new version, so what they have signed stays valid.
  if (renewed.includes('root')) {
    files.set(`${state.versions.root + 1}.root.json`, nextRoot({ ...options, root: state.root, now }));
  }
  return { files, renewed, lacking };
}
