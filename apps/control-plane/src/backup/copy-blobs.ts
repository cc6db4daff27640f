import type { BlobStore } from '@verge/blobs';
import type { TellProgress } from './tables.js';

const TELL_EVERY_MS = 2_000;

/** Copies what the other store lacks; each is checked against its digest on the way. */
export async function copyBlobs(
  from: BlobStore,
  to: BlobStore,
  tell: TellProgress,
  signal: AbortSignal,
): Promise<{ count: number; bytes: number }> {
  let count = 0;
  let bytes = 0;
  let copied = 0;
  let told = Date.now();
  for await (const blob of from.list()) {
    signal.throwIfAborted();
    if ((await to.stat(blob.digest)) === null) {
      await to.put(await from.get(blob.digest), { digest: blob.digest });
      copied++;
    }
    count++;
    bytes += blob.bytes;
    if (Date.now() - told < TELL_EVERY_MS) continue;
    told = Date.now();
    tell(`blobs: ${count} looked at, ${copied} copied`);
  }
  tell(`blobs: ${count}, of which ${copied} were copied`);
  return { count, bytes };
}
