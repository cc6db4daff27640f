/**
 * Local SGD over the queue: the training's job is the reduction, its children are the shards' rounds. Between two rounds the
 * job waits in the queue and occupies no worker; it can go on at any other.
 */
import { digestOf } from '@verge/blobs';
import type { TrainJob, TrainShardJob, TrainShardResult } from '@verge/contracts';
import { createSession } from '@verge/runtime';
import { commonOf, type FitResult, LocalRun, localOptionsOf, taskOfData, TrainingError } from '@verge/training';
import type { OpenedDataset } from '../dataset.js';
import { type JobContext, ShardFailed } from '../job-context.js';
import type { Checkpoints } from './checkpoints.js';
import { packVectors, putVectors, readVectors } from './shard-vectors.js';

/** Share of the job's progress bar that the rounds take; the rest is measuring. */
const TRAINING_SHARE = 0.95;

async function openRun(
  job: TrainJob,
  { all, parts }: OpenedDataset,
  { checkpoints, context }: { checkpoints: Checkpoints; context: JobContext },
): Promise<LocalRun> {
  if (job.teacher) throw new TrainingError('bad-options', 'localSgd: shards do not distil');
  const { config, classes } = taskOfData(job.config, all);
  const options = await localOptionsOf({
    config,
    classes,
    train: parts.train,
    validation: parts.validation,
    createSession,
    signal: context.signal,
    readModel: (name) => context.blobs.read(name),
  });
  const resumeFrom = await checkpoints.read();
  try {
    return new LocalRun({ ...options, resumeFrom });
  } catch (error) {
    if (!(error instanceof TrainingError && error.code === 'bad-checkpoint')) throw error;
    context.log.warn({ err: error }, 'the last checkpoint does not fit this worker; starting over');
    await checkpoints.remove();
    return new LocalRun(options);
  }
}

/** Results of one round by shard, or undefined while some are missing. */
function complete(results: readonly TrainShardResult[], round: number, shards: number): TrainShardResult[] | undefined {
  const found = results.filter((r) => r.round === round).sort((a, b) => a.shard - b.shard);
  return found.length === shards ? found : undefined;
}

class Rounds {
  readonly #job: TrainJob;
  readonly #run: LocalRun;
  readonly #context: JobContext;
  readonly #shards: number;

  constructor(job: TrainJob, run: LocalRun, context: JobContext) {
    this.#job = job;
    this.#run = run;
    this.#context = context;
    this.#shards = job.config.localSgd!.shards;
  }

  /** Adds the round's jobs and leaves this one until they are done. */
  async #start(results: readonly TrainShardResult[]): Promise<void> {
    const { id, dataset, config } = this.#job;
    const { shards } = this.#context;
    const { round } = this.#run;
    const [failure] = await shards.failures();
    if (failure !== undefined) {
      await shards.forget(Array.from({ length: this.#shards }, (_, shard) => ({ round, shard })));
      throw new ShardFailed(failure);
    }
    const { digest: common } = await putVectors(this.#context, this.#run.common, id, round);
    const last = complete(results, round - 1, this.#shards);
    await shards.add(
      Array.from({ length: this.#shards }, (_, shard): TrainShardJob => {
        const inner = last?.[shard]?.inner?.digest ?? null;
        return { kind: 'train-shard', training: id, dataset, config, round, shard, common, inner };
      }),
    );
    await shards.wait();
  }

  /** Blobs that nobody reads any more, once the checkpoint names the round behind them. */
  async #clean(results: readonly TrainShardResult[]): Promise<void> {
    const { blobs } = this.#context;
    const { round, done } = this.#run;
    for (const result of results.filter((r) => r.round >= round - 2)) {
      await blobs.delete(result.common.digest);
      // The next round of a shard begins with the state that this one has ended with.
      if (result.inner && (done || result.round < round - 1)) await blobs.delete(result.inner.digest);
    }
  }

  async #finish(found: readonly TrainShardResult[], checkpoints: Checkpoints): Promise<void> {
    const run = this.#run;
    const { digest: common } = await putVectors(this.#context, run.common, this.#job.id, run.round);
    const reports = [];
    for (const { common: blob, sums, steps, seconds } of found) {
      reports.push({ common: await readVectors(this.#context, blob.digest), sums, steps, seconds });
    }
    const point = await run.finish(reports);
    await checkpoints.save(run.checkpoint(), run.round);
    const fraction = (TRAINING_SHARE * run.round) / run.rounds;
    await this.#context.progress({ stage: 'train', fraction, message: `round ${run.round} of ${run.rounds}`, point });
    await this.#context.blobs.delete(common);
  }

  async toEnd(checkpoints: Checkpoints): Promise<FitResult> {
    const { shards, signal } = this.#context;
    // What the shards begin with is named before they do.
    if (!checkpoints.last) await checkpoints.save(this.#run.checkpoint(), 0);
    let results = await shards.results();
    while (!this.#run.done) {
      signal.throwIfAborted();
      const found = complete(results, this.#run.round, this.#shards);
      if (found) {
        await this.#finish(found, checkpoints);
        await this.#clean(results);
      } else {
        await this.#start(results);
        // Here only when every child of the round is over: cancelled with the training, or of another release.
        results = await shards.results();
        signal.throwIfAborted();
        if (!complete(results, this.#run.round, this.#shards))
          throw new ShardFailed('its result is not of the agreed form');
      }
    }
    await this.#clean(results);
    await shards.forget(results);
    return this.#run.result();
  }
}

/** Removes the blobs of a training that will not go on. What a shard leaves that is still at work elsewhere stays. */
export async function abandonRounds(training: string, checkpoints: Checkpoints, context: JobContext): Promise<void> {
  const { blobs, shards } = context;
  const round = checkpoints.last?.epoch;
  const checkpoint = await checkpoints.read();
  if (checkpoint && round !== undefined) {
    await blobs.delete(digestOf(packVectors(commonOf(checkpoint), training, round)));
  }
  for (const { common, inner } of await shards.results()) {
    await blobs.delete(common.digest);
    if (inner) await blobs.delete(inner.digest);
  }
  await checkpoints.remove();
}

export async function fitRounds(
  job: TrainJob,
  data: OpenedDataset,
  { checkpoints, context }: { checkpoints: Checkpoints; context: JobContext },
): Promise<{ result: FitResult; resumedFrom: number }> {
  const run = await openRun(job, data, { checkpoints, context });
  // Going on after a wait is no resumption: nothing is computed twice.
  return { result: await new Rounds(job, run, context).toEnd(checkpoints), resumedFrom: 0 };
}
