import type { Readable } from 'node:stream';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hexOf, isDigest } from './digest.js';
import { asBlobError } from './errors.js';
import { spool } from './spool.js';
import type { BlobReference, BlobSource, BlobStore, Expected, Range, StoredBlob } from './store.js';
import { collectVerified, notFound, resolveRange } from './store.js';

/** Blobs as files: `<dir>/sha256/ab/cdef…`; unfinished ones live in `<dir>/incoming` on the same file system. */
export class DirectoryBlobStore implements BlobStore {
  constructor(readonly dir: string) {}

  async put(source: BlobSource, expected?: Expected): Promise<BlobReference> {
    const { path, digest, bytes } = await spool(source, this.incoming, expected);
    const place = this.pathOf(digest);
    try {
      await mkdir(dirname(place), { recursive: true });
      // rename(2) is atomic: a reader sees the whole blob or none, also when two writers race with the same content.
      await rename(path, place);
      await syncDirectory(dirname(place));
    } catch (error) {
      await rm(path, { force: true });
      throw asBlobError(error, 'blob-store-failed', `keeping blob ${digest}`);
    }
    return { digest, bytes };
  }

  async get(digest: string, range?: Range): Promise<Readable> {
    const file = await open(this.pathOf(digest)).catch((error: unknown) => {
      throw isAbsent(error) ? notFound(digest) : asBlobError(error, 'blob-store-failed', `opening blob ${digest}`);
    });
    try {
      const { size } = await file.stat();
      const { offset, length } = resolveRange(size, range);
      // `end` is inclusive, so an empty range needs a start past the end of the file.
      const bounds = length === 0 ? { start: size } : { start: offset, end: offset + length - 1 };
      // The largest chunk that is sent to a device: it then goes out as it was read, without being copied together.
      return file.createReadStream({ ...bounds, highWaterMark: 1024 * 1024 });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async stat(digest: string): Promise<{ bytes: number; storedAt: Date } | null> {
    try {
      const { size, mtime } = await stat(this.pathOf(digest));
      return { bytes: size, storedAt: mtime };
    } catch (error) {
      if (isAbsent(error)) return null;
      throw asBlobError(error, 'blob-store-failed', `looking up blob ${digest}`);
    }
  }

  async read(digest: string): Promise<Uint8Array> {
    return collectVerified(await this.get(digest), digest);
  }

  async delete(digest: string): Promise<boolean> {
    try {
      await rm(this.pathOf(digest));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw asBlobError(error, 'blob-store-failed', `deleting blob ${digest}`);
    }
  }

  async *list(): AsyncGenerator<StoredBlob> {
    const root = join(this.dir, 'sha256');
    for (const prefix of await entries(root)) {
      for (const rest of await entries(join(root, prefix))) {
        const digest = `sha256:${prefix}${rest}`;
        if (!isDigest(digest)) continue;
        const found = await this.stat(digest);
        if (found) yield { digest, ...found };
      }
    }
  }

  /** Removes what writers that died left unfinished for longer than `olderThanMs`; returns how many files. */
  async sweep(olderThanMs: number, now = Date.now()): Promise<number> {
    let removed = 0;
    for (const name of await entries(this.incoming)) {
      const path = join(this.incoming, name);
      const found = await stat(path).catch(() => null);
      if (!found || now - found.mtimeMs < olderThanMs) continue;
      await rm(path, { force: true });
      removed += 1;
    }
    return removed;
  }

  private get incoming(): string {
    return join(this.dir, 'incoming');
  }

  private pathOf(digest: string): string {
    const hex = hexOf(digest);
    return join(this.dir, 'sha256', hex.slice(0, 2), hex.slice(2));
  }
}

async function entries(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw asBlobError(error, 'blob-store-failed', 'listing blobs');
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** After a rename the new name is durable only when its directory is. Windows cannot open one; NTFS journals names. */
async function syncDirectory(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
