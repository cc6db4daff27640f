import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { headOf } from './bytes.js';
import { findDescriptor } from './descriptor.js';
import { DataError, messageOf } from './errors.js';
import { checkPreprocess, preprocessArray } from './preprocess/pipeline.js';
import { readCsv } from './readers/csv.js';
import { idxImagesIn, readIdx } from './readers/idx.js';
import { listImages, readImageFolder } from './readers/image-folder.js';
import { readNpz } from './readers/npy.js';
import type { OpenOptions } from './readers/options.js';
import type { RawDataset } from './readers/raw.js';
import { checkSamples, type Dataset, type Elements } from './samples.js';

type Format = NonNullable<OpenOptions['format']>;

const formats: Record<Format, (path: string, isFolder: boolean, options: OpenOptions) => Promise<RawDataset>> = {
  idx: readIdx,
  npz: (path, _isFolder, options) => readNpz(path, options),
  csv: (path, _isFolder, options) => readCsv(path, options),
  'image-folder': (path, _isFolder, options) => readImageFolder(path, options),
};

export const formatNames = Object.keys(formats) as Format[];

function looksLikeText(head: Uint8Array): boolean {
  if (head.length === 0 || head.some((b) => b < 0x20 && b !== 9 && b !== 10 && b !== 13)) return false;
  try {
    // The head may end within a character; streaming leaves that open.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

async function recognise(path: string, isFolder: boolean): Promise<Format> {
  if (isFolder) {
    if ((await idxImagesIn(path)).length > 0) return 'idx';
    if ((await listImages(path)).length > 0) return 'image-folder';
    throw new DataError(
      'unknown-format',
      `'${path}' holds no IDX pair, no dataset.json and no class folders of images`,
    );
  }
  const head = await headOf(path);
  if (head[0] === 0x50 && head[1] === 0x4b) return 'npz';
  if (head[0] === 0 && head[1] === 0 && (head[2] ?? 0) >= 8 && (head[2] ?? 0) <= 14) return 'idx';
  if (looksLikeText(head) && /[,;\t]/.test(Buffer.from(head).toString('latin1'))) return 'csv';
  throw new DataError(
    'unknown-format',
    `'${path}' is none of ${formatNames.join(', ')}; name the format if it is one of them`,
  );
}

function preprocessAll(raw: RawDataset, options: OpenOptions): { x: Elements; shape: readonly number[] } {
  const pipeline = options.preprocess;
  if (!pipeline) return raw;
  const size = raw.shape.reduce((a, b) => a * b, 1);
  const outSize = pipeline.output.shape.reduce((a, b) => a * b, 1);
  const length = raw.y.length * outSize;
  const x = pipeline.output.dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  for (let i = 0; i < raw.y.length; i++) {
    if (i % 1024 === 0) options.signal?.throwIfAborted();
    x.set(preprocessArray(pipeline, raw.x.subarray(i * size, (i + 1) * size)), i * outSize);
  }
  return { x, shape: pipeline.output.shape };
}

/**
 * Opens a data set: a file or folder in a recognised format (IDX pair, NPZ with x and y, CSV, image folder), or a folder
 * with a `dataset.json`. Options given here win over the descriptor's.
 * @throws DataError: `not-found`, `unknown-format`, `malformed`, `missing-part`, `unreadable-rows`, `too-large`,
 *   `shape-mismatch`, `bad-preprocess`
 */
export async function openDataset(path: string, given: OpenOptions = {}): Promise<Dataset> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
  });
  const found = await findDescriptor(path, info.isDirectory());
  const { name = basename(path), split, file: _file, schema: _schema, ...described } = found?.descriptor ?? {};
  const options: OpenOptions = { ...described, ...given };
  const file = found?.file ?? path;
  const isFolder = found ? options.format === 'image-folder' : info.isDirectory();
  if (options.format !== undefined && !Object.hasOwn(formats, options.format)) {
    throw new DataError(
      'unknown-format',
      `format '${options.format}' does not exist; there are ${formatNames.join(', ')}`,
    );
  }
  if (options.preprocess) checkPreprocess(options.preprocess);
  const format = options.format ?? (await recognise(file, isFolder));
  const raw = await formats[format](file, isFolder, options);
  const dataset: Dataset = {
    ...(format === 'image-folder' ? { x: raw.x, shape: raw.shape } : preprocessAll(raw, options)),
    y: raw.y,
    labels: raw.labels,
    name: given.name ?? name,
    format,
    unreadable: raw.unreadable ?? { count: 0, rows: [] },
    ...(raw.parts && { parts: raw.parts }),
    ...(split !== undefined && { split }),
  };
  checkSamples(dataset);
  return dataset;
}
