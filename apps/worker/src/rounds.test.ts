/** Local SGD over the queue: shards in other processes, real signals; the numbers are those of one process. */
import { digestOf } from '@verge/blobs';
import { JobResult, type TrainJob, type TrainResult, TrainingConfig } from '@verge/contracts';
import { loadDigits, splitSamples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { type FitResult, trainFromConfig } from '@verge/training';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing, TestDeployment, until, type WorkerProcess } from './test-deployment.js';

const DATABASE = 9;
const localSgd = {
  shards: 3,
  localSteps: 20,
  outer: { learningRate: 0.7, momentum: 0.5, nesterov: true },
};
const config = { epochs: 4, batchSize: 16, seed: 7, localSgd };

/** The same training in this process, and one without shards. */
async function here(more: object = {}): Promise<FitResult> {
  const folder = fileURLToPath(new URL('../../../datasets/digits', import.meta.url));
  const { train, validation } = splitSamples(await loadDigits(folder), 'digits-v1');
  const given = { model: { architecture: 'lenet' }, optimizer: { name: 'adamw', learningRate: 0.003 } };
  const parsed = TrainingConfig.parse({ ...given, split: 'digits-v1', ...config, ...more });
  return trainFromConfig({ config: parsed, train, validation, classes: 10, createSession });
}

let reference: FitResult;

beforeAll(async () => {
  reference = await here();
});

async function finish(deployment: TestDeployment, id: string): Promise<TrainResult> {
  return JobResult.parse(await deployment.result(id)) as TrainResult;
}

function expectReference(result: TrainResult): void {
  expect(result.model.digest).toBe(digestOf(reference.bytes));
  const figures = (p: { seconds: number }): object => ({ ...p, seconds: 0 });
  expect(result.points.map(figures)).toEqual(reference.history.map(figures));
}

/** Blobs besides the data set's and the result's. */
async function leftOver(deployment: TestDeployment, job: TrainJob, result?: TrainResult): Promise<string[]> {
  const names = await readdir(join(deployment.dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  const files = await deployment.digitsFiles();
  const kept = [...files.map((f) => f.digest), job.dataset.digest, result?.model.digest ?? ''];
  return names.filter((n) => n.isFile() && !kept.some((digest) => digest.endsWith(n.name))).map((n) => n.name);
}

it('reaches the accuracy of one process that exchanges gradients in every step', async () => {
  const alone = await here({ batchSize: 48, localSgd: undefined });
  // 3 of 100 validation samples.
  expect(reference.validation.accuracy).toBeGreaterThan(alone.validation.accuracy - 0.03);
});

for (const [backend, title] of [
  ['postgres', 'in one worker on Postgres'],
  ['redis', 'in one worker on Redis'],
] as const) {
  const reason = await missing(backend);
  if (reason) console.log(reason);
  describe.skipIf(reason)(`rounds ${title}`, () => {
    let deployment: TestDeployment;
    beforeAll(async () => {
      deployment = await TestDeployment.open(backend, DATABASE);
      await deployment.worker('alone');
    });
    afterAll(async () => deployment.close());

    // On Redis the killed worker shows the same.
    if (backend === 'postgres')
      it('give the bytes of the same training in one process, and leave no blobs', async () => {
        const job = await deployment.trainJob(config);
        const result = await finish(deployment, await deployment.add(job));
        expectReference(result);
        expect(await leftOver(deployment, job, result)).toEqual([]);
        await deployment.blobs.delete(result.model.digest);
      });

    it('end with the reason of a shard that cannot go on', async () => {
      const job = await deployment.trainJob({ ...config, optimizer: { name: 'sgd', learningRate: 1e30 } });
      const ended = await deployment.ended(await deployment.add(job));
      expect(await ended.getState()).toBe('failed');
      expect(ended.failedReason).toMatch(/a shard failed for good: the loss of step \d+ is/);
      expect(ended.attemptsMade).toBe(1);
      expect(await leftOver(deployment, job)).toEqual([]);
    });

    it('end when the training is cancelled, wherever it is', async () => {
      const job = await deployment.trainJob({ ...config, epochs: 400 });
      await deployment.add(job);
      await until(async () => ((await deployment.progress(job.id))?.checkpoint?.epoch ?? 0) >= 1, 'a round');
      await deployment.cancel(job.id);
      expect(await deployment.result(job.id)).toEqual({ kind: 'cancelled' });
      expect(await leftOver(deployment, job)).toEqual([]);
    });
  });
}

describe.skipIf(await missing('redis'))('a worker that is killed in the middle of a round', () => {
  let deployment: TestDeployment;
  beforeAll(async () => {
    deployment = await TestDeployment.open('redis', DATABASE);
  });
  afterAll(async () => deployment.close());

  it('costs its shard a second attempt and the training nothing', async () => {
    const workers = await Promise.all(['a', 'b', 'c'].map((name) => deployment.process(name)));
    const job = await deployment.trainJob(config);
    await deployment.add(job);
    await until(async () => ((await deployment.progress(job.id))?.checkpoint?.epoch ?? 0) >= 2, 'two rounds');
    const inShard = (w: WorkerProcess): boolean => {
      const last = w.log().trim().split('\n').at(-1) ?? '';
      return last.includes('job starts') && last.includes('train-shard');
    };
    await until(() => workers.some(inShard), 'a shard is under way');
    const victim = workers.find(inShard)!;
    await victim.stop('SIGKILL');
    const result = await finish(deployment, job.id);
    expectReference(result);
    const survivors = workers.filter((w) => w !== victim);
    const again = survivors.some((w) =>
      w
        .log()
        .split('\n')
        .some((l) => l.includes('train-shard') && l.includes('"attempt":2')),
    );
    expect(again).toBe(true);
    expect(await leftOver(deployment, job, result)).toEqual([]);
  });
});
