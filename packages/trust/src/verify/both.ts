import { TrustError } from '../errors.js';
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

/**
 * Uptane's full verification (standard 5.4.4.2): the director chose the artifact for this very device, people released
 * it offline, and the two describe the same bytes. Refresh both clients first.
 * @throws TrustError `target-not-directed`, `target-for-other-device`, `target-not-released`, `target-disagreement`, and
 * what the clients refuse with
 */
export async function verifyBoth(options: {
  release: TargetSource;
  director: TargetSource;
  deviceId: string;
  path: string;
}): Promise<AgreedTarget> {
  const { deviceId, path } = options;
  const directed = await options.director.target(path);
  if (!directed) throw new TrustError('target-not-directed', `the director does not name ${path}`);
  if (directed.custom['deviceId'] !== deviceId) {
    throw new TrustError('target-for-other-device', `the director means ${path} for another device than ${deviceId}`);
  }
  const released = await options.release.target(path);
  if (!released)
    throw new TrustError('target-not-released', `no release names ${path}: the director chose what nobody signed`);
  const sha256 = agree(path, released, directed);
  return { path, length: released.length, sha256, releaseCustom: released.custom, directorCustom: directed.custom };
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
