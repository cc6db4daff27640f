/** The files of a spool: found again at the start, and looked at again when something else stands under their name. */
import { readdir, readFile, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { decodeFrames, decodeHeader } from './segment.js';

export interface SegmentFile {
  path: string;
  first: number;
  last: number;
  /** Records in the file that are whole. */
  count: number;
  bytes: number;
}

export interface FoundSegment extends SegmentFile {
  /** Null when the header is damaged. */
  spoolId: string | null;
  /** Records at its end that were stored and are damaged. */
  damagedTail: number;
}

/** Every segment in a folder, oldest first. A torn tail is cut off; a file that holds no record is removed. */
export async function findSegments(dir: string): Promise<{ found: FoundSegment[]; damaged: number }> {
  const found: FoundSegment[] = [];
  let damaged = 0;
  for (const name of (await readdir(dir)).filter((n) => n.endsWith('.seg')).sort()) {
    const segment = await recover(join(dir, name));
    if (segment) damaged += segment.damagedTail;
    if (segment && segment.count > 0) found.push(segment);
  }
  return { found, damaged };
}

/** Null for what cannot be read; it is moved out of the way, for people to look at. */
async function recover(path: string): Promise<FoundSegment | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    await rm(`${path}.aside`, { recursive: true, force: true });
    await rename(path, `${path}.aside`);
    return null;
  }
  const { frames, end, damagedTail } = decodeFrames(bytes);
  const [first, last] = [frames[0]?.seq ?? 0, frames.at(-1)?.seq ?? 0];
  if (frames.length === 0) await rm(path, { force: true });
  else if (end < bytes.length) await truncate(path, end);
  return { path, spoolId: decodeHeader(bytes), first, last, count: frames.length, bytes: end, damagedTail };
}

/** A segment's bytes; none when it is gone. @throws what the disk says when it may be read another time */
export async function readSegment(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return Buffer.alloc(0);
    throw error;
  }
}

/** Whether an open file is still what its name stands for, and as long as what was written into it. */
export async function isInPlace(file: FileHandle, { path, bytes }: SegmentFile): Promise<boolean> {
  const [own, there] = await Promise.all([file.stat(), stat(path).catch(() => null)]);
  return there !== null && there.ino === own.ino && there.dev === own.dev && there.size >= bytes;
}

export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}
