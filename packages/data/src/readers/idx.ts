/**
 * The IDX format of the MNIST distribution: big-endian magic `00 00 type rank`, one 32-bit size an axis, then the
 * elements (http://yann.lecun.com/exdb/mnist/, "the IDX file format").
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readBytes } from '../bytes.js';
import { DataError } from '../errors.js';
import { partInName, partNames, type Elements, type Part } from '../samples.js';
import { decodeElements, elementBytes } from './elements.js';
import { visibleIn } from './folder-walk.js';
import { gapNotes, numberedLabels } from './labels.js';
import type { RawDataset } from './raw.js';
import type { OpenOptions } from './options.js';

interface IdxArray {
  dims: number[];
  data: Elements | Int32Array;
}

/** Element types by the third byte of the magic, as NumPy names them. */
const elementTypes: Readonly<Record<number, string>> = {
  0x08: '|u1',
  0x09: '|i1',
  0x0b: '>i2',
  0x0c: '>i4',
  0x0d: '>f4',
  0x0e: '>f8',
};

/**
 * @param bytes the file's beginning: all of the header
 * @param length bytes of the whole file
 * @throws DataError `malformed` when the bytes are no IDX array, or the file is shorter or longer than it says
 */
export function idxHeader(
  bytes: Uint8Array,
  length: number,
  path: string,
): { dims: number[]; descr: string; start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const descr = elementTypes[bytes[2] ?? 0];
  const rank = bytes[3] ?? 0;
  const start = 4 + 4 * rank;
  if (bytes.length < start || bytes[0] !== 0 || bytes[1] !== 0 || descr === undefined || rank === 0) {
    throw new DataError('malformed', `'${path}' is no IDX array`);
  }
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = start + dims.reduce((a, b) => a * b, 1) * (elementBytes(descr) as number);
  if (length !== expected)
    throw new DataError('malformed', `'${path}' has ${length} bytes, its header says ${expected}`);
  return { dims, descr, start };
}

/** @throws DataError `malformed` when the bytes are no IDX array or are shorter or longer than they say. */
export function parseIdx(bytes: Uint8Array, path: string): IdxArray {
  const { dims, descr, start } = idxHeader(bytes, bytes.length, path);
  const count = dims.reduce((a, b) => a * b, 1);
  if (descr === '|u1') return { dims, data: bytes.subarray(start) };
  // Labels may be 32-bit integers, which float32 does not hold exactly.
  if (descr !== '>i4') return { dims, data: decodeElements(bytes.subarray(start), descr, count) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { dims, data: Int32Array.from({ length: count }, (_, i) => view.getInt32(start + 4 * i)) };
}

const pairName = (name: string): string => name.replace(/images?/i, 'labels').replace(/idx\d/i, 'idx1');

/**
 * The labels file of an images file.
 * @throws DataError `missing-part`
 */
export async function labelsBeside(images: string): Promise<string> {
  const folder = dirname(images);
  const wanted = pairName(basename(images));
  const bare = wanted.replace(/\.gz$/, '');
  const found = (await readdir(folder)).find((name) => name.replace(/\.gz$/, '') === bare && name !== basename(images));
  if (!found) throw new DataError('missing-part', `'${images}' needs its label file '${wanted}' beside it`);
  return join(folder, found);
}

interface Pair {
  x: Elements;
  shape: number[];
  y: Int32Array;
}

async function readPair(images: string, options: OpenOptions): Promise<Pair> {
  const labels = await labelsBeside(images);
  const x = parseIdx(await readBytes(images, options.maxBytes), images);
  const y = parseIdx(await readBytes(labels, options.maxBytes), labels);
  const problems: string[] = [];
  if (x.dims.length < 2) problems.push(`'${images}' has rank ${x.dims.length}, expected at least 2`);
  if (y.dims.length !== 1) problems.push(`'${labels}' has rank ${y.dims.length}, expected 1`);
  if (x.dims[0] !== y.dims[0]) problems.push(`'${images}' has ${x.dims[0]} samples, '${labels}' has ${y.dims[0]}`);
  const classes = Int32Array.from(y.data);
  if (classes.some((c) => c < 0)) problems.push(`'${labels}' holds negative labels`);
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
  const data = x.data instanceof Int32Array ? Float32Array.from(x.data) : x.data;
  return { x: data, shape: x.dims.slice(1), y: classes };
}

export const partOfName = (name: string): Part => partInName(name) ?? 'train';

/** Image files of a folder in the order train, validation, test; of a file and the same as gzip the plain one. */
export async function idxImagesIn(folder: string): Promise<string[]> {
  const names = (await visibleIn(folder)).filter((name) => /images?.*(idx|ubyte)/i.test(name));
  const place = (name: string): number => partNames.indexOf(partOfName(name));
  return names
    .filter((name) => !(name.endsWith('.gz') && names.includes(name.slice(0, -3))))
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
    .map((n) => join(folder, n));
}

/**
 * The images files of a folder, one for each part.
 * @throws DataError `missing-part` when there is none, `unknown-format` when a part has several
 */
export async function idxPartsOf(folder: string): Promise<string[]> {
  const files = await idxImagesIn(folder);
  if (files.length === 0) throw new DataError('missing-part', `'${folder}' holds no IDX image file`);
  const parts = files.map((file) => partOfName(basename(file)));
  const twice = files.filter((_, i) => parts.indexOf(parts[i] as Part) !== parts.lastIndexOf(parts[i] as Part));
  if (twice.length > 0) {
    const names = twice.map((file) => basename(file));
    throw new DataError(
      'unknown-format',
      `'${folder}' holds several data sets: ${names.join(', ')}; expected one images file for each part, so name one's file`,
      { problems: names },
    );
  }
  return files;
}

/** Reads an images file with its labels file beside it, or a folder of such pairs (which then give the parts). */
export async function readIdx(path: string, isFolder: boolean, options: OpenOptions): Promise<RawDataset> {
  const files = isFolder ? await idxPartsOf(path) : [path];
  const pairs: Pair[] = [];
  for (const file of files) pairs.push(await readPair(file, options));
  const first = pairs[0] as Pair;
  const odd = pairs.findIndex((pair) => pair.shape.join() !== first.shape.join());
  if (odd >= 0)
    throw new DataError('shape-mismatch', `'${files[odd]}' has samples of another shape than '${files[0]}'`);
  const count = pairs.reduce((n, pair) => n + pair.y.length, 0);
  const size = first.shape.reduce((a, b) => a * b, 1);
  const bytes = pairs.every((pair) => pair.x instanceof Uint8Array);
  const x = bytes ? new Uint8Array(count * size) : new Float32Array(count * size);
  const y = new Int32Array(count);
  const parts: Part[] = [];
  let at = 0;
  pairs.forEach((pair, i) => {
    x.set(pair.x, at * size);
    y.set(pair.y, at);
    const part = partOfName(basename(files[i] as string));
    for (let k = 0; k < pair.y.length; k++) parts.push(part);
    at += pair.y.length;
  });
  return {
    kind: 'arrays',
    format: 'idx',
    x,
    shape: first.shape,
    y,
    labels: numberedLabels(y),
    notes: gapNotes(y),
    ...(pairs.length > 1 && { parts }),
  };
}
