/** A data set's blobs as files in a temporary folder, opened, split. */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DatasetRef } from '@verge/contracts';
import { type Dataset, openDataset, type Part, type Samples, splitSamples } from '@verge/data';
import type { JobContext } from './job-context.js';

export interface OpenedDataset {
  readonly all: Dataset;
  readonly parts: Record<Part, Samples>;
}

async function fetchFiles(reference: DatasetRef, folder: string, { blobs, signal }: JobContext): Promise<void> {
  for (const file of reference.files) {
    const path = resolve(folder, file.path);
    if (!path.startsWith(folder + sep))
      throw new Error(`data set '${reference.name}': the path '${file.path}' leaves its folder`);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(Readable.from(await blobs.get(file.digest)), createWriteStream(path), { signal });
  }
}

export async function openJobDataset(reference: DatasetRef, context: JobContext): Promise<OpenedDataset> {
  const folder = await mkdtemp(join(tmpdir(), 'verge-dataset-'));
  try {
    await fetchFiles(reference, folder, context);
    const [only] = reference.files;
    const path = reference.files.length === 1 && only ? join(folder, only.path) : folder;
    const all = await openDataset(path, {
      format: reference.format,
      ...(reference.preprocess ? { preprocess: reference.preprocess } : {}),
      name: reference.name,
    });
    return { all, parts: splitSamples(all, reference.split === 'auto' ? 'auto' : reference.split) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
