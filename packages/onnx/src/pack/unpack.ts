/** The file that a packed one holds. Whatever the bytes are, no more is taken than what comes out and one part besides. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { damaged, PackError } from './errors.js';
import { DIGEST, LARGEST, MAGIC, PART, STREAM, STREAM_NAMES } from './format.js';
import { type BaseReader, baseReader, Feed, type Pieces } from './input.js';
import { Cursor } from './numbers.js';
import { carryOut, Streams } from './steps.js';

const decompressed = promisify(brotliDecompress);

/** Numbers, two digests: more than a file's head is, and more than a part's. */
const HEAD = 128;
const PART_HEAD = 16 + 17 * STREAM_NAMES;

export interface UnpackOptions {
  /** The file that the packed one holds the difference from: its bytes, or where they are read. */
  readonly base?: Uint8Array | BaseReader;
  /** No file with more bytes comes out; 2 GiB when absent. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export interface PackedHead {
  /** Of the file that it holds. */
  readonly bytes: number;
  readonly sha256: string;
  /** The file that is needed to unpack it. */
  readonly base: { readonly bytes: number; readonly sha256: string } | null;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function readHead(cursor: Cursor): PackedHead {
  const begin = cursor.bytes.subarray(0, MAGIC.length);
  if (begin.length < MAGIC.length || MAGIC.some((byte, i) => i < 3 && byte !== begin[i]))
    throw new PackError('not-packed', "this is no packed file: it does not begin with 'VPK'");
  if (begin[3] !== MAGIC[3])
    throw new PackError('not-packed', `this file has form ${begin[3]}; this version knows form ${MAGIC[3]}`);
  cursor.take(MAGIC.length);
  const bytes = cursor.number(LARGEST);
  const own = hex(cursor.take(DIGEST));
  const base = cursor.number(LARGEST + 1);
  return { bytes, sha256: own, base: base === 0 ? null : { bytes: base - 1, sha256: hex(cursor.take(DIGEST)) } };
}

/** What a packed file says of itself. @throws PackError `not-packed`, `damaged` */
export const packedHead = (packed: Uint8Array): PackedHead => readHead(new Cursor(packed, 'the head'));

function checkBase(needed: PackedHead['base'], given: UnpackOptions['base']): BaseReader {
  if (needed === null) return baseReader(new Uint8Array(0), '');
  const wanted = `the packed file holds the difference from a file of ${needed.bytes} bytes, sha256 ${needed.sha256}`;
  if (!given) throw new PackError('wrong-base', `${wanted}; give it as base`);
  const size = given instanceof Uint8Array ? given.length : given.bytes;
  const own = size !== needed.bytes ? null : given instanceof Uint8Array ? sha256(given) : given.sha256;
  if (own === needed.sha256) return given instanceof Uint8Array ? baseReader(given, own) : given;
  throw new PackError(
    'wrong-base',
    `${wanted}; the base given has ${size} bytes${own === null ? '' : `, sha256 ${own}`}`,
  );
}

/** @throws PackError `damaged` */
async function stream(packed: Uint8Array, length: number): Promise<Uint8Array> {
  if (packed.length === length) return packed;
  const bytes = await decompressed(packed, { maxOutputLength: length }).catch((cause: unknown) =>
    damaged(`a stream of ${length} bytes cannot be decompressed`, cause),
  );
  return bytes.length === length ? bytes : damaged(`a stream has ${bytes.length} bytes, not ${length}`);
}

/** Size of the next part, and its streams. */
async function readPart(feed: Feed, left: number): Promise<{ size: number; streams: Streams }> {
  const { size, heads } = await feed.parse(PART_HEAD, (cursor) => {
    const size = cursor.number(Math.min(PART, left));
    if (size === 0) damaged('a part is empty');
    const heads = Array.from({ length: cursor.number(STREAM_NAMES) }, () => {
      const name = cursor.byte();
      if (name >= STREAM_NAMES) damaged(`there is no stream ${name}`);
      return { name, length: cursor.number(STREAM), packed: cursor.number(STREAM) };
    });
    return { size, heads };
  });
  if (new Set(heads.map(({ name }) => name)).size < heads.length) damaged('a part has a stream twice');
  if (heads.reduce((sum, { length }) => sum + length, 0) > 2 * STREAM) damaged('the streams of a part are too long');
  // What brotli does not shorten is stored as it is; so a part is never longer than its streams.
  if (heads.some(({ length, packed }) => packed > length)) damaged('a stream is longer than what it holds');
  const streams = new Map<number, Uint8Array>();
  for (const { name, length, packed } of heads) streams.set(name, await stream(await feed.take(packed), length));
  return { size, streams: new Streams(streams) };
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/**
 * The file in consecutive pieces of at most 1 MiB, for who writes them as they come. The last one is given only when the digest of
 * them all is what the head says; what came before is of no use if this throws. In memory are a piece, its part of at most 16 MiB, and a
 * piece of the packed file.
 * @throws PackError, see `unpack`; and what the source or the base throws
 */
export async function* unpackPieces(
  packed: Uint8Array | Pieces,
  options: UnpackOptions = {},
): AsyncGenerator<Uint8Array> {
  const { maxBytes = LARGEST, signal } = options;
  const goOn = (): void => {
    if (signal?.aborted) throw new PackError('cancelled', 'unpacking was cancelled', { cause: signal.reason });
  };
  const feed = new Feed(packed instanceof Uint8Array ? whole(packed) : packed);
  try {
    const head = await feed.parse(HEAD, readHead);
    if (head.bytes > maxBytes)
      throw new PackError('too-large', `the packed file holds ${head.bytes} bytes; at most ${maxBytes} are allowed`);
    const base = checkBase(head.base, options.base);
    const hash = createHash('sha256');
    let done = 0;
    let last: Uint8Array | undefined;
    while (done < head.bytes) {
      if (last) yield last;
      goOn();
      const { size, streams } = await readPart(feed, head.bytes - done);
      last = await carryOut(streams, size, base, goOn);
      hash.update(last);
      done += size;
    }
    await feed.fill(1);
    if (feed.held > 0) damaged(`${feed.held} bytes follow its end`);
    if (hash.digest('hex') !== head.sha256) damaged('what comes out has another sha256 than it says');
    if (last) yield last;
  } finally {
    await feed.close();
  }
}

/**
 * The very file that was packed, by its sha256.
 * @throws PackError `not-packed`, `damaged`, `too-large`, `wrong-base`, `cancelled`
 */
export async function unpack(packed: Uint8Array | Pieces, options: UnpackOptions = {}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of unpackPieces(packed, options)) pieces.push(piece);
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
