import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError, DownloadLengthMismatchError } from 'tuf-js/dist/error.js';
import { reasonOf, TrustError } from '../errors.js';

/** Brings one metadata file by name, `timestamp.json` or `3.targets.json`; null when the repository has none. */
export type FetchMetadata = (name: string) => Promise<Uint8Array | null>;

/** tuf-js composes URLs; this one is never resolved, it only carries the file name to our fetch function. */
export const baseUrl = 'https://metadata.invalid/';

/** Lets tuf-js fetch through any transport (gRPC on a device) instead of HTTP. */
export class MetadataFetcher implements Fetcher {
  /** The last failure of the transport, which tuf-js reports only as text. */
  failure: TrustError | null = null;

  constructor(private readonly fetchMetadata: FetchMetadata) {}

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const name = url.slice(baseUrl.length);
    let bytes: Uint8Array | null;
    try {
      bytes = await this.fetchMetadata(name);
    } catch (error) {
      this.failure = new TrustError('metadata-fetch-failed', `fetching ${name}: ${reasonOf(error)}`, { cause: error });
      throw this.failure;
    }
    if (bytes === null) throw new DownloadHTTPError(`Failed to download ${name}: the repository has none`, 404);
    // TUF specification 5.3.3, 5.4.1, 5.5.1, 5.6.1: no more than the bytes expected are taken.
    if (bytes.length > maxLength) {
      throw new DownloadLengthMismatchError(
        `Max length reached: ${name} has ${bytes.length} bytes of ${maxLength} allowed`,
      );
    }
    return Buffer.from(bytes);
  }

  /** Targets travel in chunks outside of TUF and are checked against their signed digest there. */
  downloadFile<T>(): Promise<T> {
    return Promise.reject(new Error('targets are not downloaded through the metadata transport'));
  }
}
