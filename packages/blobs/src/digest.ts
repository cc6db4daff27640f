import { createHash } from 'node:crypto';
import { BlobError } from './errors.js';

/** `sha256:` and 64 lower-case hexadecimal digits: the name of a blob is its content. */
export type Digest = `sha256:${string}`;

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(value: string): value is Digest {
  return pattern.test(value);
}

/**
 * The hexadecimal part of a digest. The check here is what keeps a digest from ever naming a path outside the store.
 * @throws BlobError `blob-digest-invalid`
 */
export function hexOf(digest: string): string {
  if (!isDigest(digest)) {
    throw new BlobError(
      'blob-digest-invalid',
      `expected sha256:<64 lower-case hex digits>, got ${JSON.stringify(digest)}`,
    );
  }
  return digest.slice('sha256:'.length);
}

/** The digest of bytes held in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
