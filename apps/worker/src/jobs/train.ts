/** Trains or distils: a thin call into packages/training, with checkpoints as blobs. */
import type { TrainJob, TrainResult } from '@verge/contracts';
import { createSession, measure, measureAccuracy } from '@verge/runtime';
import { trainFromConfig, type Progress } from '@verge/training';
import { openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';
import { modelPorts } from '../ports.js';

/** Share of the job's progress bar that the epochs take; the rest is measuring. */
const TRAINING_SHARE = 0.95;

async function resumeBytes({ previous, blobs, log }: JobContext): Promise<Uint8Array | undefined> {
  const checkpoint = previous?.checkpoint;
  if (!checkpoint) return undefined;
  const bytes = await blobs.read(checkpoint.digest).catch((error: unknown) => {
    log.warn({ err: error, checkpoint }, 'the last checkpoint cannot be read; starting over');
    return undefined;
  });
  if (bytes) log.info({ checkpoint }, 'resuming from the last checkpoint');
  return bytes;
}

export async function runTraining(job: TrainJob, context: JobContext): Promise<TrainResult> {
  const started = Date.now();
  const { blobs, signal } = context;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const { all, parts } = await openJobDataset(job.dataset, context);
  const teacher = job.teacher ? await blobs.read(job.teacher.digest) : undefined;
  const resumeFrom = await resumeBytes(context);
  let checkpoint = context.previous?.checkpoint ?? null;
  let epoch = checkpoint?.epoch ?? 0;
  const stage = teacher ? 'distil' : 'train';
  const report = async (point: Progress): Promise<void> => {
    epoch = point.epoch;
    await context.progress({
      stage,
      fraction: (TRAINING_SHARE * point.epoch) / point.epochs,
      message: '',
      point,
      checkpoint,
    });
  };
  const result = await trainFromConfig({
    config: job.config,
    train: parts.train,
    validation: parts.validation,
    classes: all.labels.length,
    createSession,
    signal,
    onProgress: report,
    saveCheckpoint: async (bytes) => {
      const stored = await blobs.put(bytes);
      const old = checkpoint;
      checkpoint = { digest: stored.digest, epoch: epoch + 1 };
      await context.progress({ checkpoint });
      if (old && old.digest !== stored.digest) await blobs.delete(old.digest);
    },
    readModel: (name) => blobs.read(name),
    ...(teacher ? { teacher } : {}),
    ...(resumeFrom ? { resumeFrom } : {}),
  });
  await context.progress({ stage: 'measure', fraction: TRAINING_SHARE, message: 'accuracy, latency, memory' });
  const model = await blobs.put(result.bytes);
  const { measurement, accuracy: test } = await measure(result.bytes, parts.test, { signal });
  const validation = await measureAccuracy(result.bytes, parts.validation, { signal });
  if (checkpoint) await blobs.delete(checkpoint.digest);
  return {
    kind: 'train',
    model: { digest: model.digest, bytes: model.bytes },
    ...modelPorts(result.model),
    measurement,
    validation: validation.accuracy,
    test,
    points: [...result.history],
    bestEpoch: result.epoch,
    resumedFrom: resumeFrom ? (context.previous?.checkpoint?.epoch ?? 0) : 0,
    seconds: (Date.now() - started) / 1000,
  };
}
