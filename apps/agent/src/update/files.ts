/** Files that are named by their sha256. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { systemCode } from '../errors.js';

export interface Wanted {
  digest: string;
  bytes: number;
}

export async function hashInto(hash: Hash, path: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes;
}

/** Whether a file is there and holds exactly what its digest says. */
export async function verifyFile(path: string, wanted: Wanted): Promise<boolean> {
  try {
    const hash = createHash('sha256');
    const bytes = await hashInto(hash, path);
    return bytes === wanted.bytes && `sha256:${hash.digest('hex')}` === wanted.digest;
  } catch (error) {
    // A folder in the place of a file holds nothing either.
    if (['ENOENT', 'EISDIR', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return false;
    throw error;
  }
}
