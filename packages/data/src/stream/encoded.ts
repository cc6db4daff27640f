/** Samples that lie in a file each and have to be decoded: images, recordings. */
import { open } from 'node:fs/promises';
import { defaultMaxBytes } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import type { Entry, Listing } from '../readers/class-folders.js';
import { indexLabels } from '../readers/labels.js';
import { UnreadableRows, type OpenOptions } from '../readers/options.js';
import type { Elements } from '../samples.js';
import { ByteCache } from './cache.js';
import { elementsOf, sizeOf, type RawSource, type RowBlock } from './raw-source.js';

/** A sample decoded and, where there is a pipeline, preprocessed. */
export interface Decoded {
  readonly x: Elements;
  readonly shape: readonly number[];
}

export interface Encoded extends Listing {
  readonly root: string;
  /** What the samples are, for messages. */
  readonly what: string;
  readonly decode: (bytes: Uint8Array) => Promise<Decoded> | Decoded;
}

const defaultCacheBytes = 64 * 1024 * 1024;

/** @throws DataError `not-found` or `too-large` */
async function bytesOf(path: string, maxBytes: number): Promise<Uint8Array> {
  const handle = await open(path).catch((cause: unknown) => {
    throw new DataError('not-found', messageOf(cause), { cause });
  });
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new DataError('too-large', `more than ${maxBytes} bytes`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Decodes samples when they are asked for, and keeps books of those that cannot be. */
class EncodedRows {
  readonly #cache: ByteCache<Elements>;
  readonly #broken = new Set<number>();
  readonly #maxBytes: number;

  constructor(
    private readonly encoded: Encoded,
    private readonly options: OpenOptions,
    private readonly unreadable: UnreadableRows,
  ) {
    this.#cache = new ByteCache(options.cacheBytes ?? defaultCacheBytes);
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
  }

  /**
   * The first sample that can be read says what all look like.
   * @throws DataError `unreadable-rows`, `malformed` when there is none
   */
  async first(): Promise<Decoded> {
    for (const index of this.encoded.entries.keys()) {
      const found = await this.#decode(index);
      if (found) return found;
    }
    this.unreadable.check();
    throw new DataError('malformed', `'${this.encoded.root}' has no sample that can be read`);
  }

  /** @returns null for a sample that cannot be read, which is counted once */
  async #decode(index: number): Promise<Decoded | null> {
    if (this.#broken.has(index)) return null;
    const { path } = this.encoded.entries[index] as Entry;
    try {
      return await this.encoded.decode(await bytesOf(path, this.#maxBytes));
    } catch (cause) {
      this.#refuse(index, messageOf(cause));
      return null;
    }
  }

  #refuse(index: number, reason: string): void {
    this.#broken.add(index);
    const { path } = this.encoded.entries[index] as Entry;
    this.unreadable.add(path.slice(this.encoded.root.length + 1), reason);
  }

  async #row(index: number, shape: readonly number[]): Promise<Elements | null> {
    const cached = this.#cache.get(index);
    if (cached) return cached;
    const found = await this.#decode(index);
    if (!found) return null;
    if (found.shape.join() !== shape.join()) {
      this.#refuse(index, `[${found.shape.join(', ')}], the first is [${shape.join(', ')}]`);
      return null;
    }
    this.#cache.set(index, found.x);
    return found.x;
  }

  async read(indices: ArrayLike<number>, shape: readonly number[], dtype: RawSource['dtype']): Promise<RowBlock> {
    const width = sizeOf(shape);
    const x = elementsOf(dtype, indices.length * width);
    const kept: number[] = [];
    for (let i = 0; i < indices.length; i++) {
      this.options.signal?.throwIfAborted();
      const found = await this.#row(indices[i] as number, shape);
      if (!found) continue;
      x.set(found, kept.length * width);
      kept.push(i);
    }
    return kept.length === indices.length ? { x } : { x: x.subarray(0, kept.length * width), kept };
  }
}

/**
 * A source of encoded samples; what was decoded lately is kept, up to `options.cacheBytes`.
 * @throws DataError `missing-part`, `unreadable-rows`, `malformed` when no sample can be read
 */
export async function openEncoded(encoded: Encoded, options: OpenOptions): Promise<RawSource> {
  const { root, entries, strangers, notes, what } = encoded;
  const unreadable = new UnreadableRows(root, options.maxUnreadable);
  for (const name of strangers) unreadable.add(name, 'its name does not fit the pattern');
  unreadable.check();
  if (entries.length === 0) throw new DataError('missing-part', `'${root}' has no ${what} in class folders`);
  const samples = new EncodedRows(encoded, options, unreadable);
  const { shape, x: sample } = await samples.first();
  const dtype = sample instanceof Uint8Array ? 'uint8' : 'float32';
  const groups = entries.flatMap(({ group }) => (group ? [group] : []));
  const parts = entries.flatMap(({ part }) => (part ? [part] : []));
  return {
    shape,
    layout: shape.length === 3 ? 'HWC' : 'TC',
    dtype,
    ...indexLabels(entries.map(({ label }) => label)),
    notes,
    ...(parts.length === entries.length && { parts }),
    ...(groups.length === entries.length && { groups: indexLabels(groups).y }),
    finished: options.preprocess !== undefined,
    get unreadable() {
      return unreadable.summary;
    },
    rows: (indices) => samples.read(indices, shape, dtype),
    check: () => unreadable.check(),
    close: async () => undefined,
  };
}
