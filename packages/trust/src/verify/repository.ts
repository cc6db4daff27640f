import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MetadataFiles } from '../metadata-files.js';
import type { Withdrawal } from '../withdrawal.js';
import type { RepositoryVersions, VerifiedTarget } from './client.js';
import { RepositoryClient } from './client.js';

/**
 * Judges a whole repository as a device would, before it is published: signatures from the trusted root on, expiry, and
 * - with what was published before - rollback. `files` holds every file that the repository would serve.
 * @throws TrustError as `RepositoryClient.refresh`
 */
export async function verifyRepository(options: {
  trustedRoot: Uint8Array;
  files: MetadataFiles;
  published?: MetadataFiles;
}): Promise<{ versions: RepositoryVersions; targets: VerifiedTarget[]; withdrawn: Withdrawal[] }> {
  const dir = await mkdtemp(join(tmpdir(), 'verge-repository-'));
  let serving = options.published ?? options.files;
  try {
    const client = await RepositoryClient.open({
      dir,
      trustedRoot: options.trustedRoot,
      fetch: (name) => Promise.resolve(serving.get(name) ?? null),
    });
    if (options.published) {
      // What was published may have expired meanwhile; what it pinned still counts.
      await client.refresh().catch(() => undefined);
      serving = options.files;
    }
    const versions = await client.refresh();
    return { versions, targets: await client.targets(), withdrawn: client.withdrawals() };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
