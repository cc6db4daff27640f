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

/** The first sample that can be read says what all look like. */
async function firstOf(encoded: Encoded, maxBytes: number, unreadable: UnreadableRows): Promise<Decoded> {
  for (const { path } of encoded.entries) {
    try {
      return await encoded.decode(await bytesOf(path, maxBytes));
    } catch {
      // It is counted when it is asked for; here only the first that can be read matters.
    }
  }
  for (const { path } of encoded.entries) unreadable.add(path.slice(encoded.root.length + 1), 'cannot be decoded');
  unreadable.check();
  throw new DataError('malformed', `'${encoded.root}' has no sample that can be read`);
}

/** A source of encoded samples; what was decoded lately is kept, up to `options.cacheBytes`. */
export async function openEncoded(encoded: Encoded, options: OpenOptions): Promise<RawSource> {
  const { root, entries, strangers, decode, what } = encoded;
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const unreadable = new UnreadableRows(root, options.maxUnreadable);
  for (const name of strangers) unreadable.add(name, 'its name does not fit the pattern');
  unreadable.check();
  if (entries.length === 0) throw new DataError('missing-part', `'${root}' has no ${what} in class folders`);
  const { shape, x: sample } = await firstOf(encoded, maxBytes, unreadable);
  const dtype = sample instanceof Uint8Array ? 'uint8' : 'float32';
  const cache = new ByteCache<Elements>(options.cacheBytes ?? defaultCacheBytes);
  const broken = new Set<number>();

  /** @returns null for a sample that cannot be read, which is counted once */
  const row = async (index: number): Promise<Elements | null> => {
    const cached = cache.get(index);
    if (cached || broken.has(index)) return cached ?? null;
    const entry = entries[index] as Entry;
    try {
      const found = await decode(await bytesOf(entry.path, maxBytes));
      if (found.shape.join() !== shape.join()) {
        throw new DataError('shape-mismatch', `[${found.shape.join(', ')}], the first is [${shape.join(', ')}]`);
      }
      cache.set(index, found.x);
      return found.x;
    } catch (cause) {
      broken.add(index);
      unreadable.add(entry.path.slice(root.length + 1), messageOf(cause));
      return null;
    }
  };

  const rows = async (indices: ArrayLike<number>): Promise<RowBlock> => {
    const width = sizeOf(shape);
    const x = elementsOf(dtype, indices.length * width);
    const kept: number[] = [];
    for (let i = 0; i < indices.length; i++) {
      options.signal?.throwIfAborted();
      const found = await row(indices[i] as number);
      if (!found) continue;
      x.set(found, kept.length * width);
      kept.push(i);
    }
    return kept.length === indices.length ? { x } : { x: x.subarray(0, kept.length * width), kept };
  };
  const groups = entries.flatMap(({ group }) => (group ? [group] : []));
  const parts = entries.flatMap((entry) => (entry.part ? [entry.part] : []));
  return {
    shape,
    dtype,
    ...indexLabels(entries.map((entry) => entry.label)),
    ...(parts.length === entries.length && { parts }),
    ...(groups.length === entries.length && { groups: indexLabels(groups).y }),
    finished: options.preprocess !== undefined,
    get unreadable() {
      return unreadable.summary;
    },
    rows,
    check: () => unreadable.check(),
    close: async () => undefined,
  };
}
