/** Compresses a version for one device class: a thin call into packages/compression, then an artifact. */
import { compress, partsNeeded } from '@verge/compression';
import { arraysOfPorts, type CompressJob, type CompressResult, settingsOfPorts } from '@verge/contracts';
import { benchmarkModels, createSession, kernelTimerFor } from '@verge/runtime';
import { buildArtifact } from '../artifact.js';
import { openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';

const COMPRESSION_SHARE = 0.95;

export async function runCompression(job: CompressJob, context: JobContext): Promise<CompressResult> {
  const started = new Date();
  const { blobs, signal } = context;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const ports = settingsOfPorts(job.source.ports);
  const { parts } = await openJobDataset(
    job.dataset,
    partsNeeded(job.recipe),
    context,
    arraysOfPorts(job.source.ports),
  );
  const source = await blobs.read(job.source.digest);
  const timeKernels = await kernelTimerFor(job.target);
  const { model, report } = await compress({
    model: source,
    recipe: job.recipe,
    target: job.target,
    data: parts,
    ports,
    task: job.source.task,
    createSession,
    benchmark: benchmarkModels,
    ...(timeKernels && { timeKernels }),
    readModel: (digest) => blobs.read(digest),
    signal,
    onProgress: ({ stage, fraction }) => {
      context
        .progress({ stage, fraction: COMPRESSION_SHARE * fraction, message: '' })
        .catch((error: unknown) => context.log.warn({ err: error }, 'the progress could not be reported'));
    },
  });
  await context.progress({
    stage: 'artifact',
    fraction: COMPRESSION_SHARE,
    message: 'self-test, provenance, manifest',
  });
  // The self-test takes real inputs, labelled or not.
  const shown = parts.validation.y.length > 0 ? parts.validation : parts.test;
  const artifact = await buildArtifact(job, model, report, shown, context, started);
  return { kind: 'compress', ...artifact, report, seconds: (Date.now() - started.getTime()) / 1000 };
}
