import type { Readable } from 'node:stream';
import type { Digest } from './digest.js';
import { digestOf } from './digest.js';
import { BlobError } from './errors.js';

/** What a store knows about one blob; `bytes` is its length. */
export interface BlobReference {
  digest: Digest;
  bytes: number;
}

/** A blob as it lies in the store. */
export interface StoredBlob extends BlobReference {
  /** When its bytes were put last, by the clock of the store. */
  storedAt: Date;
}

/** What the sender promised; a source that breaks the promise leaves nothing behind. */
export interface Expected {
  /** The digest that the content must have. */
  digest?: string;
  /** The most bytes that will be read from the source. */
  maxBytes?: number;
}

/** A byte range: `length` bytes from `offset`, both defaulting to the whole; a length past the end is cut there. */
export interface Range {
  offset?: number;
  length?: number;
}

export type BlobSource = AsyncIterable<Uint8Array> | Uint8Array;

/** Content-addressed bytes. Blobs never change; putting the same content twice is one blob, which is as new as the last time. */
export interface BlobStore {
  /**
   * Stores the source, streaming; it becomes visible only when it is complete.
   * @throws BlobError `blob-digest-mismatch`, `blob-too-large`, `blob-digest-invalid`, `blob-source-failed`, `blob-store-failed`
   */
  put(source: BlobSource, expected?: Expected): Promise<BlobReference>;
  /**
   * A stream of the blob or of a range of it. The digest is not checked on the way: use `read`, or check at the far end.
   * @throws BlobError `blob-not-found`, `blob-range-invalid`, `blob-digest-invalid`, `blob-store-failed`
   */
  get(digest: string, range?: Range): Promise<Readable>;
  /** Length of the blob and when it was put last, or null when the store does not have it. */
  stat(digest: string): Promise<{ bytes: number; storedAt: Date } | null>;
  /**
   * The whole blob in memory, its digest checked.
   * @throws BlobError `blob-not-found`, `blob-corrupt`, `blob-digest-invalid`, `blob-store-failed`
   */
  read(digest: string): Promise<Uint8Array>;
  /** Removes the blob; false when it was not there. */
  delete(digest: string): Promise<boolean>;
  /** Every blob in the store, ordered by digest. */
  list(): AsyncIterable<StoredBlob>;
}

/** Shared by the implementations: a range against a known length, as first byte and number of bytes. */
export function resolveRange(bytes: number, range: Range | undefined): { offset: number; length: number } {
  const offset = range?.offset ?? 0;
  const wanted = range?.length ?? bytes - offset;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(wanted) || offset < 0 || offset > bytes || wanted < 0) {
    throw new BlobError(
      'blob-range-invalid',
      `expected 0 <= offset <= ${bytes} and length >= 0, got offset ${offset} and length ${range?.length ?? 'to the end'}`,
    );
  }
  return { offset, length: Math.min(wanted, bytes - offset) };
}

export function notFound(digest: string): BlobError {
  return new BlobError('blob-not-found', `the store has no blob ${digest}`);
}

/** Collects a stream and checks that it is what its name says. */
export async function collectVerified(stream: AsyncIterable<Uint8Array>, digest: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const found = digestOf(bytes);
  if (found !== digest)
    throw new BlobError('blob-corrupt', `blob ${digest} has content ${found} (${bytes.length} bytes)`);
  return bytes;
}
