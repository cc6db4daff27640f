import type { Authority, DeviceCertificate } from '@verge/trust/identity';
import { issueDeviceCertificate } from '@verge/trust/identity';
import type { MetadataFiles, SigningKey } from '@verge/trust/publish';
import type { AuthorityFiles, ServerIdentity } from './authority-files.js';
import { openAuthorityFiles, serverIdentity } from './authority-files.js';

/** Holds the control plane's own keys; the only one that signs with them. */
export class AuthorityService {
  private constructor(
    private readonly files: AuthorityFiles,
    /** For the gateway's TLS. */
    readonly server: ServerIdentity,
  ) {}

  /** @param dir the folder of the keys, made when it is not there */
  static async open(dir: string, publicHost: string): Promise<AuthorityService> {
    const files = await openAuthorityFiles(dir);
    return new AuthorityService(files, await serverIdentity(files.authority, publicHost));
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

  /** @throws TrustError for a request that is malformed, not proven, or made with another kind of key */
  issue(csrPem: string, device: { deviceId: string; projectId: string }, days?: number): Promise<DeviceCertificate> {
    return issueDeviceCertificate(this.files.authority, csrPem, days === undefined ? device : { ...device, days });
  }
}
