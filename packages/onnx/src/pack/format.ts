/**
 * The form of a packed file.
 *
 *     "VPK", version 1
 *     number   size of the file that it holds
 *     32 bytes its sha256
 *     number   0, or the size of the base plus 1; then 32 bytes, the base's sha256
 *     parts    until the file is whole
 *
 * A part holds up to 1 MiB of the file, so that little is in memory besides what came out. It has its size, the number of its streams, and for each
 * its name (a byte), its length and its packed length (equal: stored as it is; otherwise brotli), then the streams. One of them has the
 * steps: each an operation with its numbers, which makes the next bytes of the file from the other streams, or from the base.
 */
export const MAGIC = Uint8Array.of(0x56, 0x50, 0x4b, 1);
export const DIGEST = 32;
/** Bytes of the file in one part. */
export const PART = 2 ** 20;
/** What a stream of a part can hold at most: two elements of each byte, or a little more than one step for each. */
export const STREAM = 4 * PART;
/** Files hold no more bytes than a protobuf message can. */
export const LARGEST = 2 ** 31 - 1;

export const OP = {
  /** length: bytes as they are. */
  plain: 0,
  /** width, length: elements, their bytes by significance. */
  planes: 1,
  /** width, length, the common element: gaps between others, and those others. */
  sparse: 2,
  /** length: two elements of each byte, the lower first. */
  nibbles: 3,
  /** length, the common half: as `sparse`, of half bytes. */
  sparseNibbles: 4,
  /** place in the base, length. */
  copy: 5,
  /** width, place in the base, length: differences from the base's elements, as `planes`. */
  difference: 6,
  /** width, place in the base, length: as `sparse`, of differences. */
  sparseDifference: 7,
} as const;

/** Names of streams. Those of elements have the byte's significance added. */
export const STREAMS = {
  steps: 0,
  plain: 1,
  gaps: 2,
  nibbles: 3,
  /** Elements of 1, 2, 4 and 8 bytes as they are, those between gaps, and differences. */
  elements: { 1: 8, 2: 10, 4: 12, 8: 16 },
  between: { 1: 32, 2: 34, 4: 36, 8: 40 },
  differences: { 1: 64, 2: 66, 4: 68, 8: 72 },
} as const;
export const STREAM_NAMES = 96;

export type Width = 1 | 2 | 4 | 8;
export const WIDTHS: readonly number[] = [1, 2, 4, 8];

/** A gap of so many elements and more is several; this one is followed by no element. */
export const LONG_GAP = 255;
