/** Compresses a version for one device class: a thin call into packages/compression, then an artifact. */
import { compress, partsNeeded } from '@verge/compression';
import {
  arraysOfPorts,
  type CompressJob,
  type CompressResult,
  type Recipe,
  type SearchResult,
  settingsOfPorts,
} from '@verge/contracts';
import { benchmarkModels, createSession, kernelTimerFor } from '@verge/runtime';
import { buildArtifact } from '../artifact.js';
import { openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';
import { COMPRESSION_SHARE, reporting, shownTo, tellArtifact } from './compress-progress.js';
import { runSearch } from './search.js';

/** By the job's recipe, or by a search where it has none. */
export async function runCompression(job: CompressJob, context: JobContext): Promise<CompressResult | SearchResult> {
  const { recipe, search } = job;
  if (recipe) return await followRecipe(job, recipe, context);
  return await runSearch(job, search!, context);
}

async function followRecipe(job: CompressJob, recipe: Recipe, context: JobContext): Promise<CompressResult> {
  const started = new Date();
  const { blobs, signal } = context;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const ports = settingsOfPorts(job.source.ports);
  const { parts } = await openJobDataset(job.dataset, partsNeeded(recipe), context, arraysOfPorts(job.source.ports));
  const source = await blobs.read(job.source.digest);
  const timeKernels = await kernelTimerFor(job.target);
  const tell = reporting(context);
  const { model, report } = await compress({
    model: source,
    recipe,
    target: job.target,
    data: parts,
    ports,
    task: job.source.task,
    createSession,
    benchmark: benchmarkModels,
    ...(timeKernels && { timeKernels }),
    readModel: (digest) => blobs.read(digest),
    signal,
    onProgress: ({ stage, fraction }) => tell({ stage, fraction: COMPRESSION_SHARE * fraction, message: '' }),
  });
  await tellArtifact(context);
  const artifact = await buildArtifact(job, { model, recipe, report }, shownTo(parts), context, started);
  return { kind: 'compress', ...artifact, seconds: (Date.now() - started.getTime()) / 1000 };
}
