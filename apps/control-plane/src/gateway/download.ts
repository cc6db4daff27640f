import type { ServerWritableStream } from '@grpc/grpc-js';
import type { BlobStore } from '@verge/blobs';
import { isDigest } from '@verge/blobs';
import type { FieldError } from '@verge/contracts';
import { mostBases, type ChunkSent, type DownloadRequestReceived } from '@verge/contracts/grpc';
import type { Packings, SentEncoding } from '../packing/packings.service.js';
import type { CallingDevice } from './authenticate.js';
import { chunkSize, rechunk } from './rechunk.js';
import type { SentBytes } from './sent-bytes.js';
import { GatewayError, invalidArgument } from './status.js';
import { writeMessage } from './write-stream.js';

export type DownloadCall = ServerWritableStream<DownloadRequestReceived, ChunkSent>;

export interface DownloadContext {
  readonly blobs: BlobStore;
  readonly packings: Packings;
  readonly sent: SentBytes;
}

const mostCodings = 16;
const isOffset = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

export function checkDownload(request: DownloadRequestReceived): void {
  const { digest, offset, codings, bases, encodedDigest, encodedOffset } = request;
  const bad: FieldError[] = [];
  const expect = (ok: boolean, field: string, detail: string): void => {
    if (!ok) bad.push({ field, detail: `expected ${detail}` });
  };
  const digests = 'sha256:<64 lower-case hex digits>';
  expect(isDigest(digest), 'digest', digests);
  expect(isOffset(offset), 'offset', 'an integer from 0');
  expect(
    codings.length <= mostCodings && codings.every((c) => c.length <= 64),
    'codings',
    `at most ${mostCodings} names`,
  );
  expect(bases.length <= mostBases && bases.every(isDigest), 'bases', `at most ${mostBases} of ${digests}`);
  expect(encodedDigest === '' || isDigest(encodedDigest), 'encoded_digest', `${digests}, or nothing`);
  expect(isOffset(encodedOffset), 'encoded_offset', 'an integer from 0');
  if (bad.length > 0) throw invalidArgument(bad);
}

/**
 * Streams a blob from an offset on, in the form that costs fewest bytes of those that the device takes; reads no faster from the
 * store than the device does. Ends the call.
 */
export async function sendBlob(
  { blobs, packings, sent }: DownloadContext,
  device: CallingDevice,
  call: DownloadCall,
  cut: AbortSignal,
): Promise<void> {
  const { digest, offset, chunkBytes } = call.request;
  const found = await blobs.stat(digest);
  if (found === null) throw new GatewayError('NOT_FOUND', `there is no blob ${digest}`);
  if (offset > found.bytes) {
    throw invalidArgument([{ field: 'offset', detail: `expected at most ${found.bytes}, the size of the blob` }]);
  }
  const encoding = await packings.choose(device.projectId, call.request, found.bytes);
  const from = encoding?.offset ?? offset;
  const source = await blobs.get(encoding?.digest ?? digest, { offset: from });
  let to = from;
  try {
    const first: ChunkSent = { totalBytes: found.bytes, ...(encoding && { encoding }) };
    let told = false;
    for await (const data of rechunk(source, chunkSize(chunkBytes))) {
      to += data.length;
      if (!(await writeMessage(call, told ? { data } : { data, ...first }, cut))) return;
      told = true;
    }
    // Nothing is left at this offset: the size is still told.
    if (!told) await writeMessage(call, { data: Buffer.alloc(0), ...first });
    if (!cut.aborted) call.end();
  } finally {
    source.destroy();
    sent.add(device.deviceId, { bytes: to - from, fileBytes: fileBytes(to) - fileBytes(from) });
  }

  /** Of the file, what the first bytes of its sent form stand for. */
  function fileBytes(sentBytes: number): number {
    return encoding === null ? sentBytes : shareOf(encoding, sentBytes, found!.bytes);
  }
}

const shareOf = ({ bytes }: SentEncoding, sentBytes: number, fileBytes: number): number =>
  Math.floor((sentBytes / bytes) * fileBytes);
