/** A data set's blobs as files in a temporary folder, opened, split. */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  datasetPathProblems,
  parseDatasetText,
  visibleText,
  type DatasetFile,
  type DatasetFormat,
  type DatasetRef,
} from '@verge/contracts';
import { DataError, type Dataset, openDataset, type Part, type Samples, splitSamples } from '@verge/data';
import type { JobContext } from './job-context.js';

export const everyPart: readonly Part[] = ['train', 'validation', 'test'];

export interface OpenedDataset {
  readonly all: Dataset;
  readonly parts: Record<Part, Samples>;
}

/** The list of files is the blob that the data set's digest names. */
async function listFiles(reference: DatasetRef, { blobs }: JobContext): Promise<DatasetFile[]> {
  return parseDatasetText(new TextDecoder().decode(await blobs.read(reference.digest)));
}

async function fetchFiles(
  reference: DatasetRef,
  files: readonly DatasetFile[],
  folder: string,
  { blobs, signal }: JobContext,
): Promise<void> {
  // The control plane refuses such paths when a data set is registered; what is written here is checked here.
  const [bad] = datasetPathProblems(files.map((file) => file.path));
  if (bad) {
    const path = visibleText(files[bad.index]!.path);
    throw new DataError('malformed', `data set '${reference.name}': the path '${path}': ${bad.detail}`);
  }
  for (const file of files) {
    const path = resolve(folder, file.path);
    if (!path.startsWith(folder + sep))
      throw new DataError('malformed', `data set '${reference.name}': the path '${file.path}' leaves its folder`);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(Readable.from(await blobs.get(file.digest)), createWriteStream(path), { signal });
  }
}

/** Formats of which one file is the whole data set. */
const selfContained: readonly DatasetFormat[] = ['csv', 'npz', 'ts', 'parquet'];

/** Where the reader starts: an IDX pair and class folders are a folder also when there is little in them. */
function entryOf({ format }: DatasetRef, files: readonly DatasetFile[], folder: string): string {
  const [only] = files;
  const single = files.length === 1 && only && selfContained.includes(format);
  return single ? join(folder, only.path) : folder;
}

/**
 * @param needed parts that the job cannot do without
 * @param inputs arrays that go into further inputs of a model, by the name of the input
 * @throws DataError `bad-split` when one of them is empty, and as `openDataset`
 */
export async function openJobDataset(
  reference: DatasetRef,
  needed: readonly Part[],
  context: JobContext,
  inputs?: Readonly<Record<string, string>>,
): Promise<OpenedDataset> {
  const folder = await mkdtemp(join(tmpdir(), 'verge-dataset-'));
  try {
    const files = await listFiles(reference, context);
    await fetchFiles(reference, files, folder, context);
    const all = await openDataset(entryOf(reference, files, folder), {
      format: reference.format,
      ...(reference.preprocess ? { preprocess: reference.preprocess } : {}),
      name: reference.name,
      ...(inputs && { inputs }),
      signal: context.signal,
    });
    const parts = splitSamples(all, reference.split);
    const empty = needed.filter((part) => parts[part].y.length === 0);
    if (empty.length > 0)
      throw new DataError('bad-split', `data set '${reference.name}': nothing is left for ${empty.join(', ')}`);
    return { all, parts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
