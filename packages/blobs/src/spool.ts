import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobReference, BlobSource, Expected } from './store.js';
import { hexOf } from './digest.js';
import { asBlobError, BlobError } from './errors.js';

export interface Spooled extends BlobReference {
  path: string;
}

/**
 * Streams a source to a synced file in `folder`, counting and hashing. A content address is only known at the end, so
 * every store needs this step; on any failure the file is gone before the error leaves.
 */
export async function spool(source: BlobSource, folder: string, expected: Expected = {}): Promise<Spooled> {
  if (expected.digest !== undefined) hexOf(expected.digest);
  const path = join(folder, `${process.pid}-${randomUUID()}.part`);
  try {
    await mkdir(folder, { recursive: true });
    const { digest, bytes } = await copyAndHash(source, path, expected.maxBytes ?? Infinity);
    if (expected.digest !== undefined && expected.digest !== digest) {
      throw new BlobError('blob-digest-mismatch', `expected ${expected.digest}, got ${digest} (${bytes} bytes)`);
    }
    return { path, digest, bytes };
  } catch (error) {
    await rm(path, { force: true });
    throw asBlobError(error, 'blob-store-failed', 'writing the blob');
  }
}

async function copyAndHash(source: BlobSource, path: string, maxBytes: number): Promise<BlobReference> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o640);
  try {
    for await (const chunk of chunksOf(source)) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new BlobError('blob-too-large', `more than the ${maxBytes} bytes allowed`);
      hash.update(chunk);
      await writeAll(file, chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

/** `write` may be short; it is repeated until the chunk is on disk. */
async function writeAll(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;) {
    at += (await file.write(chunk, at, chunk.byteLength - at)).bytesWritten;
  }
}

/** A source that breaks off (a dropped upload) is told apart from a disk that fails. */
async function* chunksOf(source: BlobSource): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    yield source;
    return;
  }
  const iterator = source[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      const next = await iterator.next().catch((error: unknown) => {
        finished = true;
        throw asBlobError(error, 'blob-source-failed', 'reading the source of the blob');
      });
      if (next.done) {
        finished = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Told to stop early (too large, disk full): let the sender's stream go.
    if (!finished) await iterator.return?.();
  }
}
