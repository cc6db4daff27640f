import { TrustError } from '../errors.js';
import type { Withdrawal } from '../withdrawal.js';
import type { VerifiedTarget } from './client.js';

/** What both repositories say about one artifact. */
export interface AgreedTarget {
  path: string;
  /** Bytes. */
  length: number;
  /** 64 lower-case hex digits. */
  sha256: string;
  /** What the people who released it wrote beside it. */
  releaseCustom: Record<string, unknown>;
  /** What the control plane wrote beside it, `deviceId` included. */
  directorCustom: Record<string, unknown>;
}

/** The part of `RepositoryClient` that the decision needs. */
export interface TargetSource {
  target(path: string): Promise<VerifiedTarget | null>;
}

/** The part of the release client that the decision needs. */
export interface ReleaseSource extends TargetSource {
  /** What was taken back, as far as this device has seen. */
  withdrawals(): readonly Withdrawal[];
}

/**
 * Uptane's full verification (standard 5.4.4.2): the director chose the artifact for this very device, people released
 * it offline and did not take it back, and the two describe the same bytes. Refresh both clients first.
 * @throws TrustError `target-not-directed`, `target-for-other-device`, `target-not-released`, `target-disagreement`,
 * `target-withdrawn`, and
 * what the clients refuse with
 */
export async function verifyBoth(options: {
  release: ReleaseSource;
  director: TargetSource;
  deviceId: string;
  path: string;
}): Promise<AgreedTarget> {
  const { release, path } = options;
  const directed = await directedTarget(options);
  refuseWithdrawn(release, directed);
  const released = await release.target(path);
  if (!released)
    throw new TrustError('target-not-released', `no release names ${path}: the director chose what nobody signed`);
  const sha256 = agree(path, released, directed);
  return { path, length: released.length, sha256, releaseCustom: released.custom, directorCustom: directed.custom };
}

/**
 * The director's word alone, for a target that this device has verified with both repositories before and still holds:
 * people have released it once, so going back to it needs no release metadata of today, which may have expired long ago.
 * What people have withdrawn since, as far as this device has seen, stays refused.
 * @throws TrustError `target-not-directed`, `target-for-other-device`, `target-withdrawn`, and what the director's client
 * refuses with
 */
export async function verifyAgain(options: {
  release: Pick<ReleaseSource, 'withdrawals'>;
  director: TargetSource;
  deviceId: string;
  path: string;
}): Promise<Pick<AgreedTarget, 'path' | 'length' | 'sha256'>> {
  const directed = await directedTarget(options);
  refuseWithdrawn(options.release, directed);
  const sha256 = directed.hashes['sha256'];
  if (sha256 === undefined) throw new TrustError('target-disagreement', `${options.path}: expected a sha256`);
  return { path: options.path, length: directed.length, sha256 };
}

async function directedTarget(options: {
  director: TargetSource;
  deviceId: string;
  path: string;
}): Promise<VerifiedTarget> {
  const { deviceId, path } = options;
  const directed = await options.director.target(path);
  if (!directed) throw new TrustError('target-not-directed', `the director does not name ${path}`);
  if (directed.custom['deviceId'] !== deviceId) {
    throw new TrustError('target-for-other-device', `the director means ${path} for another device than ${deviceId}`);
  }
  return directed;
}

/** By content, whatever its path. @throws TrustError `target-withdrawn` */
function refuseWithdrawn(release: Pick<ReleaseSource, 'withdrawals'>, { path, hashes }: VerifiedTarget): void {
  const record = release.withdrawals().find(({ sha256 }) => sha256 === hashes['sha256']);
  if (!record) return;
  throw new TrustError('target-withdrawn', `${path} was withdrawn at ${record.withdrawnAt}: ${record.reason}`);
}

function agree(path: string, released: VerifiedTarget, directed: VerifiedTarget): string {
  const differences: string[] = [];
  if (released.length !== directed.length) {
    differences.push(`length: ${released.length} released, ${directed.length} directed`);
  }
  for (const algorithm of Object.keys({ ...released.hashes, ...directed.hashes })) {
    const [ours, theirs] = [released.hashes[algorithm], directed.hashes[algorithm]];
    // A digest that only one side gives is no disagreement, except the one that the download is checked with.
    if (algorithm !== 'sha256' && (ours === undefined || theirs === undefined)) continue;
    if (ours !== theirs) differences.push(`${algorithm}: ${ours ?? 'none'} released, ${theirs ?? 'none'} directed`);
  }
  const sha256 = released.hashes['sha256'];
  if (sha256 === undefined) differences.push('sha256: expected in both repositories');
  if (differences.length > 0 || sha256 === undefined) {
    throw new TrustError('target-disagreement', `the repositories disagree about ${path}: ${differences.join('; ')}`);
  }
  return sha256;
}
