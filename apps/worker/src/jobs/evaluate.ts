/** Evaluates a version on the test part of a data set. */
import { arraysOfPorts, type EvaluateJob, type EvaluateResult, settingsOfPorts } from '@verge/contracts';
import { measure } from '@verge/runtime';
import { openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';

export async function runEvaluation(job: EvaluateJob, context: JobContext): Promise<EvaluateResult> {
  const started = Date.now();
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const { parts } = await openJobDataset(job.dataset, ['test'], context, arraysOfPorts(job.source.ports));
  const model = await context.blobs.read(job.source.digest);
  await context.progress({ stage: 'evaluate', fraction: 0.2, message: `${parts.test.y.length} samples` });
  const { measurement, accuracy, confusion } = await measure(model, parts.test, {
    ...settingsOfPorts(job.source.ports),
    signal: context.signal,
    threads: job.threads,
  });
  return { kind: 'evaluate', measurement, test: accuracy, confusion, seconds: (Date.now() - started) / 1000 };
}
