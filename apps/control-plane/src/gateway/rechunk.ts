import { chunkLimits } from '@verge/contracts/grpc';

/** The chunk size that a device asked for, kept within the protocol's limits; the largest when it did not ask. */
export function chunkSize(wanted: number): number {
  return wanted === 0 ? chunkLimits.max : Math.min(chunkLimits.max, Math.max(chunkLimits.min, wanted));
}

/** Joins and cuts a stream of bytes into chunks of one size; the last is what is left. */
export async function* rechunk(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    let rest: Uint8Array = piece;
    while (bytes + rest.length >= size) {
      const cut = size - bytes;
      held.push(rest.subarray(0, cut));
      yield joined(held, size);
      rest = rest.subarray(cut);
      held = [];
      bytes = 0;
    }
    if (rest.length > 0) {
      held.push(rest);
      bytes += rest.length;
    }
  }
  if (bytes > 0) yield joined(held, bytes);
}

function joined(pieces: readonly Uint8Array[], bytes: number): Buffer {
  const [first] = pieces;
  if (pieces.length === 1 && first) return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  return Buffer.concat(pieces, bytes);
}
