/** What a device asks of the Download stream, and what comes. */
import type { EncodingReceived } from '@verge/contracts/grpc';

export interface Asked {
  digest: string;
  /** Bytes of the file that are here. */
  offset: number;
  /** Forms that are taken beside the bytes as they are. */
  codings: string[];
  /** Digests of files that are here whole. */
  bases: string[];
  /** What is here of an encoded form. */
  encodedDigest: string;
  encodedOffset: number;
}

export interface Piece {
  data: Uint8Array;
  /** Of the file, in the first piece. */
  totalBytes: number;
  /** In the first piece; null where the bytes are the file's own. */
  encoding: EncodingReceived | null;
}

export type FetchFrom = (asked: Asked) => AsyncIterable<Piece>;

/** The file as it is, from an offset on. */
export const asItIs = (digest: string, offset: number): Asked => ({
  digest,
  offset,
  codings: [],
  bases: [],
  encodedDigest: '',
  encodedOffset: 0,
});

/** A stream of which the first piece is known. `close` lets it go, however far it was read. */
export interface Begun {
  encoding: EncodingReceived | null;
  pieces: AsyncIterable<Piece>;
  close: () => Promise<unknown>;
}

export async function begun(stream: AsyncIterable<Piece>): Promise<Begun> {
  const iterator = stream[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* pieces(): AsyncGenerator<Piece> {
    for (let next = first; !next.done; next = await iterator.next()) yield next.value;
  }
  const close = (): Promise<unknown> => iterator.return?.() ?? Promise.resolve();
  return { encoding: first.done ? null : first.value.encoding, pieces: pieces(), close };
}
