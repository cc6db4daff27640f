/** The formats: how each is read whole, and how a few samples at a time. */
import type { DatasetFormat } from '@verge/contracts';
import { readCsv } from './readers/csv.js';
import { onlyFinite } from './readers/finite.js';
import { readIdx } from './readers/idx.js';
import { openImageFolder } from './readers/image-folder.js';
import { readNpyFiles, readNpz } from './readers/npy.js';
import type { OpenOptions } from './readers/options.js';
import type { RawDataset } from './readers/raw.js';
import { openParquet } from './readers/parquet.js';
import { readSeries } from './readers/series.js';
import { openWavFolder } from './readers/wav-folder.js';
import { collect, inMemory } from './stream/collect.js';
import { openCsv } from './stream/csv.js';
import { openIdx } from './stream/idx.js';
import { openNpyFiles, openNpz } from './stream/npy.js';
import type { RawSource } from './stream/raw-source.js';

type How<T> = (path: string, isFolder: boolean, options: OpenOptions) => Promise<T>;

interface Format {
  readonly read: How<RawDataset>;
  readonly open: How<RawSource>;
}

/** A format of stored arrays, whose rows may hold what is no number. */
const stored = (read: How<RawDataset>, open: How<RawSource>): Format => ({
  open,
  read: async (path, isFolder, options) => onlyFinite(await read(path, isFolder, options), path, options),
});

/** A format whose samples are decoded one by one in any case: all of them is one after the other. */
const oneByOne = (format: DatasetFormat, open: How<RawSource>): Format => ({
  open,
  read: async (path, isFolder, options) =>
    collect(path, format, await open(path, isFolder, { ...options, cacheBytes: 0 }), options),
});

/** A format that has no way to its rows but reading everything. */
const whole = (read: How<RawDataset>): Format => ({
  read,
  open: async (path, isFolder, options) => inMemory(await read(path, isFolder, options)),
});

export const formats: Readonly<Record<DatasetFormat, Format>> = {
  idx: stored(readIdx, openIdx),
  npz: stored(
    (path, _, options) => readNpz(path, options),
    (path, _, options) => openNpz(path, options),
  ),
  npy: stored(readNpyFiles, openNpyFiles),
  csv: { read: (path, _, options) => readCsv(path, options), open: (path, _, options) => openCsv(path, options) },
  ts: whole(readSeries),
  parquet: oneByOne('parquet', openParquet),
  'wav-folder': oneByOne('wav-folder', (path, _, options) => openWavFolder(path, options)),
  'image-folder': oneByOne('image-folder', (path, _, options) => openImageFolder(path, options)),
};

export const formatNames = Object.keys(formats) as DatasetFormat[];
