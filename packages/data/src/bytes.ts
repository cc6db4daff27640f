/** File bytes with a size limit, gzip undone where the content says so (RFC 1952, magic 1f 8b). */
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';
import { DataError, messageOf } from './errors.js';

/** Largest content read into memory unless told otherwise: 4 GiB less one page, what one buffer of Node holds safely. */
export const defaultMaxBytes = 4 * 1024 ** 3 - 4096;

const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** @throws DataError `not-found`, `too-large` (also for a gzip bomb) or `malformed` (broken gzip). */
export async function readBytes(path: string, maxBytes = defaultMaxBytes): Promise<Uint8Array> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
  });
  if (info.size > maxBytes)
    throw new DataError('too-large', `'${path}' has ${info.size} bytes, the limit is ${maxBytes}`);
  return ungzip(await readFile(path), path, maxBytes);
}

/** The bytes themselves, or what they unpack to when they are gzip. */
export function ungzip(bytes: Uint8Array, path: string, maxBytes = defaultMaxBytes): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const large = cause instanceof RangeError;
    throw new DataError(
      large ? 'too-large' : 'malformed',
      large ? `'${path}' unpacks to more than ${maxBytes} bytes` : `'${path}' is broken gzip: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The first bytes of a file, unpacked when they are gzip; for recognising formats. */
export async function headOf(path: string, count = 512): Promise<Uint8Array> {
  const file = await open(path).catch((cause: unknown) => {
    throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
  });
  let raw: Uint8Array;
  try {
    const size = Math.max(16_384, count);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, 0);
    raw = buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
  if (!isGzip(raw)) return raw.subarray(0, count);
  return new Promise((resolve) => {
    // The head of a gzip stream: whatever comes out before it breaks off is what there is.
    const unpack = createGunzip();
    const parts: Buffer[] = [];
    const done = (): void => resolve(Buffer.concat(parts).subarray(0, count));
    unpack.on('data', (part: Buffer) => parts.push(part));
    unpack.on('error', done);
    unpack.on('end', done);
    unpack.end(raw);
  });
}

/** A stream of the file's content, gzip undone. */
export async function openStream(path: string): Promise<Readable> {
  const file = await open(path).catch((cause: unknown) => {
    throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
  });
  let head: Buffer;
  try {
    head = (await file.read(Buffer.alloc(2), 0, 2, 0)).buffer;
  } finally {
    await file.close();
  }
  const source = createReadStream(path);
  if (!isGzip(head)) return source;
  // The pipeline destroys both ends; the reader sees the error on the unpacked end.
  return pipeline(source, createGunzip(), () => undefined);
}
