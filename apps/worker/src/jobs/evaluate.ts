/** Evaluates a version on the test part of a data set. */
import { arraysOfPorts, type EvaluateJob, type EvaluateResult, settingsOfPorts } from '@verge/contracts';
import { decodeModel } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { measureModels } from '@verge/training';
import { openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';

/** Timed runs. */
const RUNS = 200;

export async function runEvaluation(job: EvaluateJob, context: JobContext): Promise<EvaluateResult> {
  const started = Date.now();
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const { parts } = await openJobDataset(job.dataset, ['test'], context, arraysOfPorts(job.source.ports));
  const bytes = await context.blobs.read(job.source.digest);
  await context.progress({ stage: 'evaluate', fraction: 0.2, message: `${parts.test.y.length} samples` });
  const [measured] = await measureModels([{ model: decodeModel(bytes), file: bytes }], parts.test, {
    ...settingsOfPorts(job.source.ports),
    ...{ task: job.source.task, signal: context.signal, threads: job.threads },
    createSession,
    benchmark: (models, options) => benchmarkModels(models, { ...options, runs: RUNS }),
  });
  const { measurement, accuracy, confusion = [], failures } = measured!;
  // Labels that nothing can be made of are a fault of the job; without labels there is nothing to find.
  if (measurement.quality?.length === 0 && failures[0]) throw failures[0];
  const test = accuracy && { test: accuracy };
  return { kind: 'evaluate', measurement, ...test, confusion, seconds: (Date.now() - started) / 1000 };
}
