/** Searches the best variant of a version for one device class; the best becomes an artifact as a recipe's result does. */
import { offerOf, search, type Searched, type SearchOptions } from '@verge/compression';
import {
  arraysOfPorts,
  type CompressJob,
  type SearchRequest,
  type SearchResult,
  settingsOfPorts,
} from '@verge/contracts';
import { benchmarkModels, createSession, kernelTimerFor } from '@verge/runtime';
import { buildArtifact } from '../artifact.js';
import { openJobDataset } from '../dataset.js';
import { JobCancelled, type JobContext } from '../job-context.js';
import { COMPRESSION_SHARE, reporting, shownTo, tellArtifact } from './compress-progress.js';
import { type BlobJournal, openSearchJournal } from './search-journal.js';

/** A search that was cancelled is not taken up again. */
async function searched(journal: BlobJournal, signal: AbortSignal, options: SearchOptions): Promise<Searched> {
  return await search(options).catch(async (error: unknown) => {
    if (signal.reason instanceof JobCancelled) await journal.remove();
    throw error;
  });
}

export async function runSearch(
  job: CompressJob,
  { budget, seed }: SearchRequest,
  context: JobContext,
): Promise<SearchResult> {
  const started = new Date();
  const seconds = (): number => (Date.now() - started.getTime()) / 1000;
  const { blobs, signal, log } = context;
  const { target } = job;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const ports = settingsOfPorts(job.source.ports);
  const { parts } = await openJobDataset(job.dataset, ['train', 'test'], context, arraysOfPorts(job.source.ports));
  const source = await blobs.read(job.source.digest);
  const journal = await openSearchJournal(context);
  const timeKernels = await kernelTimerFor(target);
  const tell = reporting(context);
  const { model, report } = await searched(journal, signal, {
    ...{ model: source, budget, seed, target, data: parts, journal, ports, signal },
    ...{ task: job.source.task, createSession, benchmark: benchmarkModels, ...(timeKernels && { timeKernels }) },
    onProgress: ({ stage, tried, fraction, front }) =>
      tell({ stage, fraction: COMPRESSION_SHARE * fraction, message: '', search: { tried, front: [...front] } }),
  });
  const offer = offerOf(report);
  await journal.remove();
  if (!model || !offer) {
    log.info({ nearest: report.nearest }, 'no variant keeps to the budget');
    return { kind: 'search', search: report, artifact: null, seconds: seconds() };
  }
  await tellArtifact(context);
  const artifact = await buildArtifact(job, { model, ...offer }, shownTo(parts), context, started);
  return { kind: 'search', search: report, artifact, seconds: seconds() };
}
