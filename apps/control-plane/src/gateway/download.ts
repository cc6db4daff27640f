import type { ServerWritableStream } from '@grpc/grpc-js';
import type { BlobStore } from '@verge/blobs';
import { isDigest } from '@verge/blobs';
import type { FieldError } from '@verge/contracts';
import type { ChunkSent, DownloadRequestReceived } from '@verge/contracts/grpc';
import { chunkSize, rechunk } from './rechunk.js';
import { GatewayError, invalidArgument } from './status.js';
import { writeMessage } from './write-stream.js';

export type DownloadCall = ServerWritableStream<DownloadRequestReceived, ChunkSent>;

export function checkDownload({ digest, offset }: DownloadRequestReceived): void {
  const bad: FieldError[] = [];
  if (!isDigest(digest)) bad.push({ field: 'digest', detail: 'expected sha256:<64 lower-case hex digits>' });
  if (!Number.isSafeInteger(offset) || offset < 0) bad.push({ field: 'offset', detail: 'expected an integer from 0' });
  if (bad.length > 0) throw invalidArgument(bad);
}

/** Streams a blob from an offset on; reads no faster from the store than the device takes. Ends the call. */
export async function sendBlob(blobs: BlobStore, call: DownloadCall, cut: AbortSignal): Promise<void> {
  const { digest, offset, chunkBytes } = call.request;
  const found = await blobs.stat(digest);
  if (found === null) throw new GatewayError('NOT_FOUND', `there is no blob ${digest}`);
  if (offset > found.bytes) {
    throw invalidArgument([{ field: 'offset', detail: `expected at most ${found.bytes}, the size of the blob` }]);
  }
  const source = await blobs.get(digest, { offset });
  try {
    let total = found.bytes;
    for await (const data of rechunk(source, chunkSize(chunkBytes))) {
      if (!(await writeMessage(call, { data, totalBytes: total }, cut))) return;
      total = 0;
    }
    // Nothing is left at this offset: the size is still told.
    if (total !== 0) await writeMessage(call, { data: Buffer.alloc(0), totalBytes: total });
    if (!cut.aborted) call.end();
  } finally {
    source.destroy();
  }
}
