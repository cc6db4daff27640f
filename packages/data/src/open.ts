import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DatasetFormat } from '@verge/contracts';
import { findDescriptor } from './descriptor.js';
import { DataError, messageOf } from './errors.js';
import { checkPreprocess, preprocessArray } from './preprocess/pipeline.js';
import { readCsv } from './readers/csv.js';
import { readIdx } from './readers/idx.js';
import { readImageFolder } from './readers/image-folder.js';
import { readNpz } from './readers/npy.js';
import type { OpenOptions } from './readers/options.js';
import type { RawDataset } from './readers/raw.js';
import { readSeries } from './readers/series.js';
import { recognise } from './recognise.js';
import { checkSamples, type Dataset } from './samples.js';

const formats: Record<DatasetFormat, (path: string, isFolder: boolean, options: OpenOptions) => Promise<RawDataset>> = {
  idx: readIdx,
  npz: (path, _isFolder, options) => readNpz(path, options),
  csv: (path, _isFolder, options) => readCsv(path, options),
  ts: readSeries,
  'image-folder': (path, _isFolder, options) => readImageFolder(path, options),
};

export const formatNames = Object.keys(formats) as DatasetFormat[];

/** Samples through the pipeline; lengths stay where an axis still has the padded number of steps. */
function preprocessAll(raw: RawDataset, options: OpenOptions): Pick<Dataset, 'x' | 'shape' | 'lengths'> {
  const pipeline = options.preprocess;
  const lengths = raw.lengths && { lengths: raw.lengths };
  if (!pipeline) return { x: raw.x, shape: raw.shape, ...lengths };
  const size = raw.shape.reduce((a, b) => a * b, 1);
  const { shape, dtype } = pipeline.output;
  const outSize = shape.reduce((a, b) => a * b, 1);
  const length = raw.y.length * outSize;
  const x = dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  for (let i = 0; i < raw.y.length; i++) {
    if (i % 1024 === 0) options.signal?.throwIfAborted();
    x.set(preprocessArray(pipeline, raw.x.subarray(i * size, (i + 1) * size)), i * outSize);
  }
  return { x, shape, ...(shape.includes(raw.shape[0] as number) && lengths) };
}

const statOf = (path: string): Promise<{ isDirectory(): boolean }> =>
  stat(path).catch((cause: unknown) => {
    throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
  });

/**
 * Opens a data set: a file or folder in a recognised format (`formatNames`), or a folder with a `dataset.json`. Options
 * given here win over the descriptor's.
 * @throws DataError: `not-found`, `unknown-format`, `malformed`, `missing-part`, `unreadable-rows`, `too-large`,
 *   `shape-mismatch`, `bad-preprocess`
 */
export async function openDataset(path: string, given: OpenOptions = {}): Promise<Dataset> {
  const info = await statOf(path);
  const found = await findDescriptor(path, info.isDirectory());
  const { name = basename(path), split, file: _file, schema: _schema, ...described } = found?.descriptor ?? {};
  const options: OpenOptions = { ...described, ...given };
  const file = found?.file ?? path;
  const isFolder = found ? (await statOf(file)).isDirectory() : info.isDirectory();
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
    ...(raw.filled !== undefined && { filled: raw.filled }),
    ...(raw.parts && { parts: raw.parts }),
    ...(split !== undefined && { split }),
  };
  checkSamples(dataset);
  return dataset;
}
