/** A shard's part of a round: a thin call into packages/training, the parameters as blobs. */
import type { TrainShardJob, TrainShardResult } from '@verge/contracts';
import { createSession } from '@verge/runtime';
import { arraysOfConfig, localOptionsOf, runRound, taskOfData } from '@verge/training';
import { openJobDataset } from '../dataset.js';
import type { JobContext } from '../job-context.js';
import { putVectors, readVectors } from './shard-vectors.js';

export async function runShard(job: TrainShardJob, context: JobContext): Promise<TrainShardResult> {
  const started = Date.now();
  const { round, shard, training } = job;
  const { all, parts } = await openJobDataset(
    job.dataset,
    ['train', 'validation'],
    context,
    arraysOfConfig(job.config),
  );
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
  const common = await readVectors(context, job.common);
  const inner = job.inner === null ? undefined : await readVectors(context, job.inner);
  const result = await runRound(options, { round, shard, common, inner });
  // Shards may end with the same numbers; each has blobs of its own.
  const owner = `${training}/${shard}`;
  return {
    kind: 'train-shard',
    round,
    shard,
    common: await putVectors(context, result.common, owner, round),
    inner: result.inner.size > 0 ? await putVectors(context, result.inner, owner, round) : null,
    sums: result.sums,
    steps: result.steps,
    seconds: (Date.now() - started) / 1000,
  };
}
