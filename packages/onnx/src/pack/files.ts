/** Unpacking from file to file: neither the packed file, nor its base, nor what comes out is in memory as a whole. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PackError } from './errors.js';
import type { BaseReader, Pieces } from './input.js';
import { packedHead, unpackPieces } from './unpack.js';

const READ = 2 ** 18;
/** A base that is read on is read ahead, more each time from here on. */
const AHEAD = 2 ** 12;

async function readAt(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) throw new PackError('wrong-base', 'the base became shorter while it was read');
    done += bytesRead;
  }
  return bytes;
}

async function* piecesOf(file: FileHandle): Pieces {
  for (;;) {
    const bytes = new Uint8Array(READ);
    const { bytesRead } = await file.read(bytes, 0, READ);
    if (bytesRead === 0) return;
    yield bytes.subarray(0, bytesRead);
  }
}

/** A base on disk. Steps mostly go through it in its order; who jumps about reads what each step needs, and no more. */
export class BaseFile implements BaseReader {
  #window = new Uint8Array(0);
  #at = 0;

  private constructor(
    private readonly file: FileHandle,
    readonly bytes: number,
    readonly sha256: string,
  ) {}

  /** Reads the whole file once, for its digest. */
  static async open(path: string): Promise<BaseFile> {
    const file = await open(path, 'r');
    try {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of piecesOf(file)) {
        hash.update(piece);
        bytes += piece.length;
      }
      return new BaseFile(file, bytes, hash.digest('hex'));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  read(at: number, length: number): Uint8Array | Promise<Uint8Array> {
    const from = at - this.#at;
    if (from >= 0 && from + length <= this.#window.length) return this.#window.subarray(from, from + length);
    return this.#fill(at, length);
  }

  async #fill(at: number, length: number): Promise<Uint8Array> {
    const goesOn = at >= this.#at && at <= this.#at + this.#window.length + READ;
    const ahead = goesOn ? Math.min(READ, Math.max(AHEAD, 2 * this.#window.length)) : 0;
    const size = Math.min(this.bytes - at, Math.max(length, ahead));
    this.#window = new Uint8Array(await readAt(this.file, at, size));
    this.#at = at;
    return this.#window.subarray(0, length);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

export interface UnpackFile {
  /** Paths. What is at `out` is replaced; after an error there is anything, or nothing. */
  readonly packed: string;
  readonly out: string;
  readonly base?: string;
  /** What has to come out: a packed file that says anything else is refused before it is unpacked. */
  readonly bytes: number;
  /** Hex digits. */
  readonly sha256: string;
  readonly signal?: AbortSignal;
  /** Called after each piece with the bytes that have come out. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Unpacks a file to disk; when it returns, `out` has the bytes with that sha256, synced.
 * @throws PackError, see `unpack`; and what the file system throws
 */
export async function unpackFile(options: UnpackFile): Promise<void> {
  const { bytes, sha256, signal, onProgress } = options;
  const packed = await open(options.packed, 'r');
  let base: BaseFile | undefined;
  try {
    const head = packedHead(await headOf(packed));
    if (head.bytes !== bytes || head.sha256 !== sha256) {
      const [is, wanted] = [`${head.bytes} bytes, sha256 ${head.sha256}`, `${bytes} bytes, sha256 ${sha256}`];
      throw new PackError('damaged', `the packed file holds ${is}, and not ${wanted}`);
    }
    if (head.base !== null && options.base !== undefined) base = await BaseFile.open(options.base);
    const out = await open(options.out, 'w', 0o600);
    try {
      let done = 0;
      for await (const piece of unpackPieces(piecesOf(packed), { base, maxBytes: bytes, signal })) {
        await out.writeFile(piece);
        done += piece.length;
        onProgress?.(done);
      }
      await out.sync();
    } finally {
      await out.close();
    }
  } finally {
    await packed.close();
    await base?.close();
  }
}

/** The head is read by place, so that what follows is read from the beginning. */
async function headOf(file: FileHandle): Promise<Uint8Array> {
  const bytes = new Uint8Array(128);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  return bytes.subarray(0, bytesRead);
}
