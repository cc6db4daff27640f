/** A training that is interrupted ends with the very bytes of one that was not. Processes, real signals. */
import { JobResult, type TrainJob, type TrainResult } from '@verge/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { missing, TestDeployment, until } from './test-deployment.js';

const full = process.env['VERGE_TEST_FULL'] !== undefined;
const DATABASE = 12;
const config = { epochs: 16, checkpointEvery: 2, seed: 7 };

for (const backend of ['postgres', 'redis'] as const) {
  const reason = await missing(backend);
  if (reason) console.log(reason);
  describe.skipIf(reason)(`interrupted on ${backend}`, () => {
    let deployment: TestDeployment;
    let reference: string;

    async function finish(id: string): Promise<TrainResult> {
      return JobResult.parse(await deployment.result(id)) as TrainResult;
    }

    beforeAll(async () => {
      deployment = await TestDeployment.open(backend, DATABASE);
      const worker = await deployment.worker('uninterrupted');
      const result = await finish(await deployment.add(await deployment.trainJob(config)));
      reference = result.model.digest;
      await worker.close();
    });
    afterAll(async () => deployment.close());
    afterEach(async () => deployment.blobs.delete(reference));

    /** Starts a job in a process and waits until it has a checkpoint worth resuming from. */
    async function underway(): Promise<{ job: TrainJob; worker: Awaited<ReturnType<TestDeployment['process']>> }> {
      const worker = await deployment.process('first');
      const job = await deployment.trainJob(config);
      await deployment.add(job);
      await until(async () => ((await deployment.progress(job.id))?.checkpoint?.epoch ?? 0) >= 2, 'a checkpoint');
      return { job, worker };
    }

    it('goes on elsewhere when the worker is killed', async () => {
      const { job, worker } = await underway();
      await worker.stop('SIGKILL');
      expect(await (await deployment.job(job.id)).getState()).toBe('active');
      const second = await deployment.process('second');
      const result = await finish(job.id);
      expect(result.model.digest).toBe(reference);
      expect(result.resumedFrom).toBeGreaterThanOrEqual(2);
      expect(result.points.map((p) => p.epoch)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
      expect((await deployment.progress(job.id))?.attempt).toBe(2);
      expect(second.log()).toContain('resuming from the last checkpoint');
      expect(await second.stop('SIGTERM')).toBe(0);
    });

    it.runIf(backend === 'postgres' || full)('puts the job back when the worker is told to stop', async () => {
      const { job, worker } = await underway();
      expect(await worker.stop('SIGTERM')).toBe(0);
      expect(worker.log()).toContain('job goes back to the queue');
      const waiting = await deployment.job(job.id);
      expect(await waiting.getState()).toBe('waiting');
      expect(waiting.attemptsMade).toBe(0);
      const second = await deployment.process('second');
      const result = await finish(job.id);
      expect(result.model.digest).toBe(reference);
      expect(result.resumedFrom).toBeGreaterThanOrEqual(2);
      await second.stop('SIGTERM');
    });

    it.runIf(backend === 'redis' || full)('lets go of a job that another took over while it slept', async () => {
      const { job, worker } = await underway();
      worker.child.kill('SIGSTOP');
      const second = await deployment.process('second');
      await until(() => second.log().includes('resuming from the last checkpoint'), 'the other worker takes over');
      worker.child.kill('SIGCONT');
      const result = await finish(job.id);
      expect(result.model.digest).toBe(reference);
      await until(() => worker.log().includes('taken over by another worker'), 'the first worker lets go');
      expect((await deployment.job(job.id)).attemptsStarted).toBe(2);
      for (const each of [worker, second]) expect(await each.stop('SIGTERM')).toBe(0);
    });
  });
}
