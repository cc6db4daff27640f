/** Content-addressed files: complete ones under their sha256, partial ones beside them with the ending `.part`. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../atomic-file.js';
import { AgentError, systemCode } from '../errors.js';

export interface Wanted {
  digest: string;
  bytes: number;
}

/** A stream of a blob's bytes from an offset on. */
export type FetchFrom = (digest: string, offset: number) => AsyncIterable<{ data: Uint8Array; totalBytes: number }>;

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

export class Store {
  constructor(
    private readonly dir: string,
    private readonly reserveBytes: number,
  ) {}

  path(digest: string): string {
    return join(this.dir, digest.slice('sha256:'.length));
  }

  has(wanted: Wanted): Promise<boolean> {
    return verifyFile(this.path(wanted.digest), wanted);
  }

  /** Bytes of a partial download. */
  async partial(digest: string): Promise<number> {
    return (await stat(`${this.path(digest)}.part`).catch(() => null))?.size ?? 0;
  }

  /** @throws AgentError `DISK_FULL` when the files would not leave the reserve free */
  async checkSpace(wanted: readonly Wanted[]): Promise<void> {
    let need = 0;
    for (const file of wanted) need += Math.max(0, file.bytes - (await this.partial(file.digest)));
    const { bavail, bsize } = await statfs(this.dir);
    const free = bavail * bsize;
    if (need > 0 && free < need + this.reserveBytes) {
      throw new AgentError(
        'DISK_FULL',
        `${need} bytes are to be downloaded and ${this.reserveBytes} kept free, but only ${free} are free`,
      );
    }
  }

  /**
   * Downloads the rest of a file. What arrived stays when the transfer breaks, and the next call goes on there.
   * @throws AgentError `DIGEST_MISMATCH`, `DISK_FULL`, and whatever the transfer fails with
   */
  async fetch(wanted: Wanted, from: FetchFrom, onProgress: (bytes: number) => void): Promise<void> {
    const part = `${this.path(wanted.digest)}.part`;
    if ((await this.partial(wanted.digest)) > wanted.bytes) await rm(part, { force: true });
    const resumed = await this.partial(wanted.digest);
    try {
      await this.append(part, wanted, resumed, from, onProgress);
    } catch (error) {
      if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT') {
        throw new AgentError('DISK_FULL', `no space left while downloading ${wanted.digest}`, { cause: error });
      }
      if (!(error instanceof AgentError && error.code === 'DIGEST_MISMATCH')) throw error;
      await rm(part, { force: true });
      // The damage may be in what an interrupted run left here: only a whole fresh copy accuses the sender.
      if (resumed === 0) throw error;
      return this.fetch(wanted, from, onProgress);
    }
    await rename(part, this.path(wanted.digest));
    await syncDirectory(this.dir);
  }

  private async append(
    part: string,
    wanted: Wanted,
    resumed: number,
    from: FetchFrom,
    onProgress: (bytes: number) => void,
  ): Promise<void> {
    const hash = createHash('sha256');
    let bytes = resumed > 0 ? await hashInto(hash, part) : 0;
    onProgress(bytes);
    const file = await open(part, 'a', 0o600);
    try {
      if (bytes < wanted.bytes) {
        for await (const { data, totalBytes } of from(wanted.digest, bytes)) {
          if (totalBytes !== 0 && totalBytes !== wanted.bytes) {
            throw new AgentError(
              'DIGEST_MISMATCH',
              `${wanted.digest} has ${totalBytes} bytes, ${wanted.bytes} are signed`,
            );
          }
          bytes += data.length;
          if (bytes > wanted.bytes) {
            throw new AgentError(
              'DIGEST_MISMATCH',
              `${wanted.digest}: more than the ${wanted.bytes} bytes signed arrived`,
            );
          }
          hash.update(data);
          await file.writeFile(data);
          onProgress(bytes);
        }
      }
      if (bytes < wanted.bytes) {
        throw new AgentError('DOWNLOAD_FAILED', `${wanted.digest} ended after ${bytes} of ${wanted.bytes} bytes`);
      }
      const digest = `sha256:${hash.digest('hex')}`;
      if (digest !== wanted.digest) {
        throw new AgentError('DIGEST_MISMATCH', `expected ${wanted.digest}, what arrived is ${digest}`);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Removes every file that is not to be kept, partial ones included. */
  async retain(digests: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.dir)) {
      if (!digests.has(`sha256:${name.replace(/\.part$/, '')}`)) await rm(join(this.dir, name), { force: true });
    }
  }
}
