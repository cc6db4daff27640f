import type { Authority, DeviceCertificate } from '@verge/trust/identity';
import { issueDeviceCertificate } from '@verge/trust/identity';
import type { MetadataFiles, SigningKey } from '@verge/trust/publish';
import type { AuthorityFiles, ServerIdentity } from './authority-files.js';
import { newestRootExpiry, openAuthorityFiles, serverIdentity } from './authority-files.js';

/** Holds the control plane's own keys; the only one that signs with them. */
export class AuthorityService {
  private constructor(
    private readonly dir: string,
    private files: AuthorityFiles,
    /** For the gateway's TLS. */
    readonly server: ServerIdentity,
  ) {}

  /** @param dir the folder of the keys, made when it is not there */
  static async open(dir: string, publicHost: string): Promise<AuthorityService> {
    const files = await openAuthorityFiles(dir);
    return new AuthorityService(dir, files, await serverIdentity(files.authority, publicHost));
  }

  /** The certificate that devices pin. */
  get authorityPem(): string {
    return this.files.authority.certificatePem;
  }

  get authority(): Authority {
    return this.files.authority;
  }

  get directorKey(): SigningKey {
    return this.files.directorKey;
  }

  get directorRoots(): MetadataFiles {
    return this.files.directorRoots;
  }

  get directorRootExpiresAt(): Date {
    return newestRootExpiry(this.files.directorRoots);
  }

  /** A control plane that runs for a year renews the director's root too, and finds what another one has renewed. */
  async renewDirectorRoot(now: Date): Promise<void> {
    this.files = await openAuthorityFiles(this.dir, now);
  }

  /** @throws TrustError for a request that is malformed, not proven, or made with another kind of key */
  issue(csrPem: string, device: { deviceId: string; projectId: string }, days?: number): Promise<DeviceCertificate> {
    return issueDeviceCertificate(this.files.authority, csrPem, days === undefined ? device : { ...device, days });
  }
}
