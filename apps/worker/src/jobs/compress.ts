/** Compresses a version for one device class: a thin call into packages/compression, then an artifact. */
import { compress } from '@verge/compression';
import { arraysOfPorts, type CompressJob, type CompressResult, settingsOfPorts } from '@verge/contracts';
import { benchmarkModels, createSession, sizesOf } from '@verge/runtime';
import { buildArtifact } from '../artifact.js';
import { everyPart, openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';

const COMPRESSION_SHARE = 0.95;

export async function runCompression(job: CompressJob, context: JobContext): Promise<CompressResult> {
  const started = new Date();
  const { blobs, signal } = context;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const ports = settingsOfPorts(job.source.ports);
  const { parts } = await openJobDataset(job.dataset, everyPart, context, arraysOfPorts(job.source.ports));
  const source = await blobs.read(job.source.digest);
  const { model, report } = await compress({
    model: source,
    recipe: job.recipe,
    target: job.target,
    data: parts,
    ports,
    createSession,
    benchmark: (models, options) => benchmarkModels(models, { ...options, feeds: sizesOf(parts.test, ports) }),
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
  const artifact = await buildArtifact(job, model, report, parts.validation, context, started);
  return { kind: 'compress', ...artifact, report, seconds: (Date.now() - started.getTime()) / 1000 };
}
