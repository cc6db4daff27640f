/**
 * One append-only file of the spool.
 *
 * Header, 24 bytes: "VSPOOL1\n", then the 16 bytes of the spool's UUID. Frames, little-endian: u32 payload length, u32
 * CRC-32C over what follows it and the length, u64 sequence number, payload.
 */
import { crc32c } from './crc32c.js';

const magic = Buffer.from('VSPOOL1\n', 'latin1');
export const headerBytes = magic.length + 16;
export const frameBytes = 16;
/** No record comes near; a length beyond it is damage. */
export const maxPayloadBytes = 16 * 1024 * 1024;

export interface Frame {
  seq: number;
  payload: Uint8Array;
}

export function encodeHeader(spoolId: string): Buffer {
  return Buffer.concat([magic, Buffer.from(spoolId.replaceAll('-', ''), 'hex')]);
}

/** The spool's UUID, or null when the bytes do not start a segment. */
export function decodeHeader(bytes: Buffer): string | null {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) return null;
  const hex = bytes.toString('hex', magic.length, headerBytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function encodeFrame({ seq, payload }: Frame): Buffer {
  const frame = Buffer.alloc(frameBytes + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeBigUInt64LE(BigInt(seq), 8);
  frame.set(payload, frameBytes);
  frame.writeUInt32LE(checksum(frame, 0, payload.length), 4);
  return frame;
}

function checksum(bytes: Buffer, at: number, length: number): number {
  // The length is mixed in by chaining its own checksum: a frame cut short or grown does not pass.
  return (crc32c(bytes.subarray(at + 8, at + frameBytes + length)) ^ crc32c(bytes.subarray(at, at + 4))) >>> 0;
}

/** The frame at an offset, or null when there is none that is whole and undamaged. */
function frameAt(bytes: Buffer, at: number): (Frame & { end: number }) | null {
  if (at + frameBytes > bytes.length) return null;
  const length = bytes.readUInt32LE(at);
  const end = at + frameBytes + length;
  if (length > maxPayloadBytes || end > bytes.length) return null;
  if (bytes.readUInt32LE(at + 4) !== checksum(bytes, at, length)) return null;
  const seq = Number(bytes.readBigUInt64LE(at + 8));
  return { seq, payload: bytes.subarray(at + frameBytes, end), end };
}

export interface Segment {
  frames: Frame[];
  /** Where the last whole frame ends; what follows is a torn write or damage. */
  end: number;
  /** 1 when a record of the right length follows the last whole frame, so that it was stored and is damaged. */
  damagedTail: number;
}

/** Numbers beyond it are no sequence numbers. */
const maxSeq = 2 ** 48;

/**
 * Reads the frames of a segment. Damage loses the record that it is in: the next frame that is whole and has a higher
 * number is looked for, byte by byte; where none follows, the segment ends.
 */
export function decodeFrames(bytes: Buffer): Segment {
  const frames: Frame[] = [];
  let end = Math.min(headerBytes, bytes.length);
  let last = 0;
  for (let at = headerBytes; at + frameBytes <= bytes.length;) {
    const frame = plausible(bytes, at, last) ? frameAt(bytes, at) : null;
    if (!frame) {
      at++;
      continue;
    }
    frames.push({ seq: frame.seq, payload: frame.payload });
    last = frame.seq;
    at = end = frame.end;
  }
  const tail = bytes.length - end - frameBytes;
  const repaired = tail >= 0 ? withLength(bytes, end, tail) : null;
  if (repaired && repaired.seq > last) {
    frames.push(repaired);
    return { frames, end: bytes.length, damagedTail: 0 };
  }
  return { frames, end, damagedTail: tail > 0 && bytes.readUInt32LE(end) === tail ? 1 : 0 };
}

/** A cheap look before the checksum is computed. */
function plausible(bytes: Buffer, at: number, last: number): boolean {
  if (bytes.readUInt32LE(at) > bytes.length - at - frameBytes || bytes.readUInt16LE(at + 14) !== 0) return false;
  const seq = Number(bytes.readBigUInt64LE(at + 8));
  return seq > last && seq < maxSeq;
}

/** The last frame when only its length is damaged: the file says what it was. */
function withLength(bytes: Buffer, at: number, length: number): Frame | null {
  const copy = Buffer.from(bytes.subarray(at));
  copy.writeUInt32LE(length, 0);
  const frame = plausible(copy, 0, 0) ? frameAt(copy, 0) : null;
  return frame && { seq: frame.seq, payload: frame.payload };
}
