import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobStore } from '@verge/blobs';
import { datasetText, type DatasetRef } from '@verge/contracts';
import { expect, it } from 'vitest';
import { openJobDataset } from './dataset.js';
import type { JobContext } from './job-context.js';

it.each([[['../../etc/passwd']], [['/etc/passwd']], [['C:\\x']], [['A', 'a']], [['a', 'a/b']]])(
  'writes no file of a data set with the paths %j',
  async (paths) => {
    const folder = await mkdtemp(join(tmpdir(), 'verge-blobs-'));
    const blobs = await openBlobStore({ BLOBS_DIR: folder });
    const file = await blobs.put(Buffer.from('x,label\n1,0\n'));
    const list = await blobs.put(Buffer.from(datasetText(paths.map((path) => ({ path, ...file })))));
    const id = '0193d0f0-0000-7000-8000-000000000001';
    const of: DatasetRef = {
      ...{ id, name: 'd', format: 'csv', digest: list.digest, labels: [], preprocess: null, split: 'auto' },
      format: 'csv',
    };
    const context = { blobs, signal: AbortSignal.timeout(10_000) } as unknown as JobContext;
    await expect(openJobDataset(of, [], context)).rejects.toMatchObject({ code: 'malformed' });
    await rm(folder, { recursive: true });
  },
);
