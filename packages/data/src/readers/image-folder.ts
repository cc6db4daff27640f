/** A folder a class, images in it; optionally below folders named train, validation (or val) and test. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultMaxBytes } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import { decodeImage } from '../preprocess/decode.js';
import { preprocessImage } from '../preprocess/pipeline.js';
import type { Elements, Part } from '../samples.js';
import { indexLabels } from './labels.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';

const isImage = (name: string): boolean => /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i.test(name);
const partFolders: Record<string, Part> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  validation: 'validation',
  test: 'test',
};

interface Entry {
  path: string;
  label: string;
  part: Part | null;
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((e) => e.isDirectory())
    .map((e) => e.name)
    .sort();
}

async function entriesOf(root: string, part: Part | null): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const label of await foldersIn(root)) {
    const names = (await readdir(join(root, label))).filter(isImage).sort();
    for (const name of names) entries.push({ path: join(root, label, name), label, part });
  }
  return entries;
}

/** Every image of the folder with its class and part, in name order. */
export async function listImages(root: string): Promise<Entry[]> {
  const top = await foldersIn(root);
  if (top.length === 0 || !top.every((name) => Object.hasOwn(partFolders, name.toLowerCase())))
    return entriesOf(root, null);
  const entries: Entry[] = [];
  for (const name of top) entries.push(...(await entriesOf(join(root, name), partFolders[name.toLowerCase()] as Part)));
  return entries;
}

/**
 * Reads and preprocesses every image. Without a pipeline the samples are [height, width, 3] uint8 as decoded, and an image
 * of another size than the first is unreadable.
 */
export async function readImageFolder(path: string, options: OpenOptions): Promise<RawDataset> {
  const entries = await listImages(path);
  if (entries.length === 0) throw new DataError('missing-part', `'${path}' has no images in class folders`);
  const unreadable = new UnreadableRows(path, options.maxUnreadable);
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const rows: Elements[] = [];
  const kept: Entry[] = [];
  let shape: number[] | undefined = options.preprocess?.output.shape;
  let bytes = 0;
  for (const entry of entries) {
    options.signal?.throwIfAborted();
    try {
      if ((await stat(entry.path)).size > maxBytes) throw new DataError('too-large', `more than ${maxBytes} bytes`);
      const image = await decodeImage(await readFile(entry.path));
      const size = [image.height, image.width, 3];
      shape ??= size;
      if (!options.preprocess && size.join() !== shape.join()) {
        throw new DataError('shape-mismatch', `[${size.join(', ')}], the first image is [${shape.join(', ')}]`);
      }
      const row = options.preprocess ? preprocessImage(options.preprocess, image) : image.data;
      bytes += row.byteLength;
      rows.push(row);
      kept.push(entry);
    } catch (cause) {
      unreadable.add(entry.path.slice(path.length + 1), messageOf(cause));
    }
    if (bytes > maxBytes) throw new DataError('too-large', `'${path}' needs more than ${maxBytes} bytes as tensors`);
  }
  unreadable.check();
  const count = rows.reduce((n, row) => n + row.length, 0);
  const x = rows.every((row) => row instanceof Uint8Array) ? new Uint8Array(count) : new Float32Array(count);
  let at = 0;
  for (const row of rows) {
    x.set(row, at);
    at += row.length;
  }
  const parts = kept.flatMap((entry) => (entry.part ? [entry.part] : []));
  return {
    kind: 'arrays',
    format: 'image-folder',
    x,
    shape: shape ?? [0],
    ...indexLabels(kept.map((entry) => entry.label)),
    ...(parts.length === kept.length && { parts }),
    unreadable: unreadable.summary,
  };
}
