/** Trains or distils: a thin call into packages/training, with checkpoints as blobs. */
import type { TrainJob, TrainResult } from '@verge/contracts';
import { benchmarkModels, createSession, modelPorts, openReplicas } from '@verge/runtime';
import {
  arraysOfConfig,
  type FitResult,
  measureTrained,
  portsOfConfig,
  taskOfData,
  type Progress,
  trainFromConfig,
  TrainingError,
} from '@verge/training';
import { everyPart, type OpenedDataset, openJobDataset } from '../dataset.js';
import { JobCancelled, type JobContext, ShardFailed } from '../job-context.js';
import { Checkpoints } from './checkpoints.js';
import { abandonRounds, fitRounds } from './train-rounds.js';

/** Share of the job's progress bar that the epochs take; the rest is measuring. */
const TRAINING_SHARE = 0.95;
/** Timed runs of the trained model. */
const RUNS = 200;

async function fitJob(
  job: TrainJob,
  { all, parts }: OpenedDataset,
  { checkpoints, context }: { checkpoints: Checkpoints; context: JobContext },
): Promise<{ result: FitResult; resumedFrom: number }> {
  const { blobs, signal, log } = context;
  const { config, classes } = taskOfData(job.config, all);
  const teacher = job.teacher ? await blobs.read(job.teacher.digest) : undefined;
  const run = async (resumeFrom: Uint8Array | undefined): Promise<FitResult> => {
    let epoch = checkpoints.last?.epoch ?? 0;
    return trainFromConfig({
      config,
      classes,
      train: parts.train,
      validation: parts.validation,
      createSession,
      openReplicas,
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

const reportOf = ({ parameters, repairs, assumed }: FitResult, decided: readonly string[]): TrainResult['report'] => ({
  parameters: parameters.map((line) => ({ ...line, shape: [...line.shape] })),
  repairs: [...repairs],
  assumed: [...decided, ...assumed],
});

interface Fitted {
  readonly data: OpenedDataset;
  readonly result: FitResult;
  readonly resumedFrom: number;
}

export async function runTraining(job: TrainJob, context: JobContext): Promise<TrainResult> {
  const started = Date.now();
  const { blobs, signal } = context;
  await context.progress({ stage: 'data', fraction: 0, message: job.dataset.name });
  const checkpoints = new Checkpoints(context);
  const inRounds = job.config.localSgd !== undefined;
  const fitted = async (): Promise<Fitted> => {
    const data = await openJobDataset(job.dataset, everyPart, context, arraysOfConfig(job.config));
    return { data, ...(await (inRounds ? fitRounds : fitJob)(job, data, { checkpoints, context })) };
  };
  const { data, result, resumedFrom } = await fitted().catch(async (error: unknown) => {
    const over = signal.reason instanceof JobCancelled || error instanceof ShardFailed;
    if (over && inRounds) await abandonRounds(job.id, checkpoints, context);
    else if (over) await checkpoints.remove();
    throw error;
  });
  await context.progress({ stage: 'measure', fraction: TRAINING_SHARE, message: 'accuracy, latency, memory' });
  const file = result.bytes;
  const { digest, bytes } = await blobs.put(file);
  const trained = { model: result.model, file };
  const { config, notes } = taskOfData(job.config, data.all);
  const { test, validation, measurement } = await measureTrained(config, trained, data.parts, {
    ...portsOfConfig(job.config),
    ...{ signal, createSession },
    benchmark: (models, options) => benchmarkModels(models, { ...options, runs: RUNS }),
  });
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
    report: reportOf(result, [...(data.all.notes ?? []), ...notes]),
    resumedFrom,
    seconds: (Date.now() - started) / 1000,
  };
}
