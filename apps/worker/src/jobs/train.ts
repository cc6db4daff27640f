/** Trains or distils: a thin call into packages/training, with checkpoints as blobs. */
import type { TrainJob, TrainResult } from '@verge/contracts';
import { createSession, measure, measureAccuracy } from '@verge/runtime';
import { type FitResult, type Progress, trainFromConfig, TrainingError } from '@verge/training';
import { everyPart, type OpenedDataset, openJobDataset } from '../dataset.js';
import { JobCancelled, type JobContext } from '../job-context.js';
import { modelPorts } from '../ports.js';

/** Share of the job's progress bar that the epochs take; the rest is measuring. */
const TRAINING_SHARE = 0.95;

type CheckpointRef = { digest: string; epoch: number };

/** The last durable state of the run, in the job's progress and in the blobs. */
class Checkpoints {
  #last: CheckpointRef | null;
  readonly #context: JobContext;

  constructor(context: JobContext) {
    this.#context = context;
    this.#last = context.previous?.checkpoint ?? null;
  }

  get last(): CheckpointRef | null {
    return this.#last;
  }

  async read(): Promise<Uint8Array | undefined> {
    const { blobs, log } = this.#context;
    const checkpoint = this.#last;
    if (!checkpoint) return undefined;
    const bytes = await blobs.read(checkpoint.digest).catch((error: unknown) => {
      log.warn({ err: error, checkpoint }, 'the last checkpoint cannot be read; starting over');
      this.#last = null;
      return undefined;
    });
    if (bytes) log.info({ checkpoint }, 'resuming from the last checkpoint');
    return bytes;
  }

  /** Named in the progress before the one before it is removed: at any moment one is there and named. */
  async save(bytes: Uint8Array, epoch: number): Promise<void> {
    const { blobs, progress } = this.#context;
    const old = this.#last;
    const { digest } = await blobs.put(bytes);
    this.#last = { digest, epoch };
    await progress({ checkpoint: this.#last });
    if (old && old.digest !== digest) await blobs.delete(old.digest);
  }

  async remove(): Promise<void> {
    const checkpoint = this.#last;
    this.#last = null;
    if (checkpoint) await this.#context.blobs.delete(checkpoint.digest);
  }
}

async function fitJob(
  job: TrainJob,
  { all, parts }: OpenedDataset,
  { checkpoints, context }: { checkpoints: Checkpoints; context: JobContext },
): Promise<{ result: FitResult; resumedFrom: number }> {
  const { blobs, signal, log } = context;
  const teacher = job.teacher ? await blobs.read(job.teacher.digest) : undefined;
  const run = async (resumeFrom: Uint8Array | undefined): Promise<FitResult> => {
    let epoch = checkpoints.last?.epoch ?? 0;
    return trainFromConfig({
      config: job.config,
      train: parts.train,
      validation: parts.validation,
      classes: all.labels.length,
      createSession,
      signal,
      onProgress: async (point: Progress) => {
        epoch = point.epoch;
        const fraction = (TRAINING_SHARE * point.epoch) / point.epochs;
        await context.progress({ stage: teacher ? 'distil' : 'train', fraction, message: '', point });
      },
      // An epoch's checkpoint is saved before the epoch is reported.
      saveCheckpoint: (bytes) => checkpoints.save(bytes, epoch + 1),
      readModel: (name) => blobs.read(name),
      ...(teacher ? { teacher } : {}),
      ...(resumeFrom ? { resumeFrom } : {}),
    });
  };
  const resumeFrom = await checkpoints.read();
  const resumedFrom = resumeFrom ? (checkpoints.last?.epoch ?? 0) : 0;
  try {
    return { result: await run(resumeFrom), resumedFrom };
  } catch (error) {
    if (!(error instanceof TrainingError && error.code === 'bad-checkpoint')) throw error;
    // A worker of another release may have written it; the job itself is sound.
    log.warn({ err: error }, 'the last checkpoint does not fit this worker; starting over');
    await checkpoints.remove();
    return { result: await run(undefined), resumedFrom: 0 };
  }
}

export async function runTraining(job: TrainJob, context: JobContext): Promise<TrainResult> {
  const started = Date.now();
  const { blobs, signal } = context;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const data = await openJobDataset(job.dataset, everyPart, context);
  const checkpoints = new Checkpoints(context);
  const { result, resumedFrom } = await fitJob(job, data, { checkpoints, context }).catch(async (error: unknown) => {
    if (signal.reason instanceof JobCancelled) await checkpoints.remove();
    throw error;
  });
  await context.progress({ stage: 'measure', fraction: TRAINING_SHARE, message: 'accuracy, latency, memory' });
  const { digest, bytes } = await blobs.put(result.bytes);
  const { measurement, accuracy: test } = await measure(result.bytes, data.parts.test, { signal });
  const { accuracy: validation } = await measureAccuracy(result.bytes, data.parts.validation, { signal });
  await checkpoints.remove();
  return {
    kind: 'train',
    model: { digest, bytes },
    ...modelPorts(result.model),
    measurement,
    validation,
    test,
    points: [...result.history],
    bestEpoch: result.epoch,
    resumedFrom,
    seconds: (Date.now() - started) / 1000,
  };
}
