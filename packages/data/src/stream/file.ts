/** A file that is read by position. What is packed (gzip, a deflated part of a ZIP) is unpacked to a temporary file first. */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DataError, messageOf } from '../errors.js';

/** Most that is unpacked to a temporary file unless told otherwise. */
export const defaultMaxUnpackedBytes = 64 * 1024 ** 3;

export class PositionalFile {
  readonly #handle: FileHandle;
  readonly #folder: string | null;

  private constructor(
    /** The file as the caller named it. */
    readonly path: string,
    /** Where its plain bytes lie. */
    readonly location: string,
    handle: FileHandle,
    readonly size: number,
    folder: string | null,
  ) {
    this.#handle = handle;
    this.#folder = folder;
  }

  /** @throws DataError `not-found`; `malformed` or `too-large` when it is gzip that cannot be unpacked */
  static async open(path: string, maxUnpacked = defaultMaxUnpackedBytes): Promise<PositionalFile> {
    const file = await PositionalFile.#plain(path, path, null);
    try {
      const head = await file.read(0, Math.min(2, file.size));
      if (head[0] !== 0x1f || head[1] !== 0x8b) return file;
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return PositionalFile.unpack(path, createGunzip(), {}, maxUnpacked);
  }

  static async #plain(path: string, name: string, folder: string | null): Promise<PositionalFile> {
    try {
      const handle = await open(path);
      return new PositionalFile(name, path, handle, (await handle.stat()).size, folder);
    } catch (cause) {
      throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
    }
  }

  /** The bytes of `range` (inclusive, as streams have it) of a file through `unpacker`, in a temporary file. */
  static async unpack(
    path: string,
    unpacker: Transform,
    range: { start?: number; end?: number },
    maxUnpacked: number,
  ): Promise<PositionalFile> {
    const folder = await mkdtemp(join(tmpdir(), 'verge-unpacked-'));
    let total = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        total += chunk.length;
        if (total > maxUnpacked)
          done(new DataError('too-large', `'${path}' unpacks to more than ${maxUnpacked} bytes`));
        else done(null, chunk);
      },
    });
    try {
      await pipeline(createReadStream(path, range), unpacker, count, createWriteStream(join(folder, 'data')));
      return await PositionalFile.#plain(join(folder, 'data'), path, folder);
    } catch (cause) {
      await rm(folder, { recursive: true, force: true });
      if (cause instanceof DataError) throw cause;
      throw new DataError('malformed', `'${path}' cannot be unpacked: ${messageOf(cause)}`, { cause });
    }
  }

  /** @throws DataError `malformed` when the file ends before `position + length` */
  async read(position: number, length: number): Promise<Uint8Array> {
    // Before anything is allocated: the numbers may come from a broken header.
    if (!(position >= 0 && position + length <= this.size)) this.#endsBefore(position + length);
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#handle.read(buffer, done, length - done, position + done);
      if (bytesRead === 0) this.#endsBefore(position + length);
      done += bytesRead;
    }
    return buffer;
  }

  #endsBefore(end: number): never {
    throw new DataError('malformed', `'${this.path}' has ${this.size} bytes, it is cut off before ${end}`);
  }

  /** Closes the file, and removes it when it is temporary. */
  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
  }
}
