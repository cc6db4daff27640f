/** Content-addressed files: complete ones under their sha256, partial ones beside them with the endings `.part` and `.packed`. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../atomic-file.js';
import { AgentError, systemCode } from '../errors.js';
import type { Log } from '../log/logger.js';
import { hashInto, verifyFile, type Wanted } from './files.js';
import { leastPacked, PackedPart, PackedRefused, type Base } from './packed-part.js';
import { asItIs, begun, type FetchFrom, type Piece } from './transfer.js';

/** That a file may come packed. */
export interface PackedAsk {
  bases: readonly Base[];
  signal: AbortSignal;
}

export interface StoreOptions {
  log?: Log;
  /** For tests: called at named points of unpacking. */
  at?: (point: string) => void;
}

type Progress = (bytes: number) => void;

export class Store {
  /** Packed forms that were refused since the agent began. */
  refusedPacked = 0;

  constructor(
    private readonly dir: string,
    private readonly reserveBytes: number,
    private readonly options: StoreOptions = {},
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
   * @param ask says that it may come packed; without it, it comes as it is
   * @throws AgentError `DIGEST_MISMATCH`, `DISK_FULL`, and whatever the transfer fails with
   */
  async fetch(wanted: Wanted, from: FetchFrom, onProgress: Progress, ask?: PackedAsk): Promise<void> {
    if (ask === undefined || wanted.bytes < leastPacked) return this.fetchPlain(wanted, from, onProgress, null);
    const { reserveBytes } = this;
    const packing = { ...ask, reserveBytes, at: this.options.at ?? (() => undefined) };
    const packed = await PackedPart.open(this.path(wanted.digest), wanted, packing);
    while (packed.refused === null) {
      try {
        return await this.fetchEither(packed, wanted, from, onProgress);
      } catch (error) {
        if (!(error instanceof PackedRefused)) throw error;
        // The damage may be in what an interrupted run left here: only a whole fresh copy accuses the sender.
        if (error.again) await packed.drop();
        else await this.refuse(packed, wanted, error.message);
      }
    }
    await this.fetchPlain(wanted, from, onProgress, null);
    await packed.drop();
  }

  private async refuse(packed: PackedPart, { digest }: Wanted, reason: string): Promise<void> {
    this.refusedPacked++;
    this.options.log?.warn({ digest, err: reason }, 'a packed form was refused; the file is asked for as it is');
    await packed.refuse(reason);
  }

  /** In whichever form the control plane sends it. @throws PackedRefused, and see `fetch` */
  private async fetchEither(packed: PackedPart, wanted: Wanted, from: FetchFrom, onProgress: Progress): Promise<void> {
    const offset = await this.kept(wanted);
    if (offset === wanted.bytes) return this.fetchPlain(wanted, from, onProgress, null);
    if (!packed.whole) {
      const { encoding, pieces, close } = await begun(from(packed.asked(offset)));
      try {
        if (encoding !== null) await packed.receive(encoding, pieces, onProgress);
        else {
          await this.fetchPlain(wanted, from, onProgress, pieces);
          return await packed.drop();
        }
      } finally {
        await close();
      }
    }
    const came = await packed.unpack();
    this.options.log?.info({ ...wanted, ...came }, 'a file came packed');
    onProgress(wanted.bytes);
    await rm(`${this.path(wanted.digest)}.part`, { force: true });
  }

  /** Bytes of a partial download that goes on. */
  private async kept({ digest, bytes }: Wanted): Promise<number> {
    const found = await this.partial(digest);
    if (found <= bytes) return found;
    await rm(`${this.path(digest)}.part`, { force: true });
    return 0;
  }

  /** @param begun the stream that has begun where the partial download ends; null to ask for one */
  private async fetchPlain(
    wanted: Wanted,
    from: FetchFrom,
    onProgress: Progress,
    begun: AsyncIterable<Piece> | null,
  ): Promise<void> {
    const part = `${this.path(wanted.digest)}.part`;
    const resumed = await this.kept(wanted);
    try {
      await this.append(part, wanted, resumed, begun ?? from(asItIs(wanted.digest, resumed)), onProgress);
    } catch (error) {
      if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT') {
        throw new AgentError('DISK_FULL', `no space left while downloading ${wanted.digest}`, { cause: error });
      }
      if (!(error instanceof AgentError && error.code === 'DIGEST_MISMATCH')) throw error;
      await rm(part, { force: true });
      // As above: what was here before may be to blame.
      if (resumed === 0) throw error;
      return this.fetchPlain(wanted, from, onProgress, null);
    }
    await rename(part, this.path(wanted.digest));
    await syncDirectory(this.dir);
  }

  private async append(
    part: string,
    wanted: Wanted,
    resumed: number,
    pieces: AsyncIterable<Piece>,
    onProgress: Progress,
  ): Promise<void> {
    const hash = createHash('sha256');
    let bytes = resumed > 0 ? await hashInto(hash, part) : 0;
    onProgress(bytes);
    const file = await open(part, 'a', 0o600);
    try {
      if (bytes < wanted.bytes) {
        for await (const { data, totalBytes, encoding } of pieces) {
          if (encoding !== null)
            throw new AgentError('DOWNLOAD_FAILED', `${wanted.digest} came in a form that was not asked for`);
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

  /** Removes every file that is not to be kept, partial ones included; and what is left of downloads that are complete. */
  async retain(digests: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.dir)) {
      const [file = ''] = name.split('.', 1);
      const over = name !== file && existsSync(join(this.dir, file));
      if (over || !digests.has(`sha256:${file}`)) await rm(join(this.dir, name), { force: true });
    }
  }
}
