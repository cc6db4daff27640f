import type { MetadataFiles } from '../metadata-files.js';
import type { Withdrawal } from '../withdrawal.js';
import { readRepository, roleKeys, roleThreshold } from './repository.js';
import type { Role, Target } from './roles.js';
import { roles } from './roles.js';

export interface RoleStatus {
  role: Role;
  version: number;
  expires: Date;
  keyids: string[];
  threshold: number;
}

export interface RepositoryStatus {
  roles: RoleStatus[];
  targets: Target[];
  withdrawn: Withdrawal[];
}

/** What a repository says about itself, its signatures checked; expired metadata is read too. @throws TrustError `repository-invalid` */
export function repositoryStatus(files: MetadataFiles, trustedRoot?: Uint8Array): RepositoryStatus {
  const { root, versions, expires, targets, withdrawn } = readRepository(files, trustedRoot);
  const statusOf = (role: Role): RoleStatus => ({
    role,
    version: versions[role],
    expires: new Date(expires[role]),
    keyids: roleKeys(root, role).map(({ keyid }) => keyid),
    threshold: roleThreshold(root, role),
  });
  return { roles: roles.map(statusOf), targets, withdrawn };
}
