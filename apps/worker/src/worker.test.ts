import { Writable } from 'node:stream';
import { JobResult, type TrainResult } from '@verge/contracts';
import { decodeModel } from '@verge/onnx';
import pino, { type Logger } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing, TestDeployment, until } from './test-deployment.js';

/** Redis databases of this file. */
const DATABASE = 11;

interface Line {
  worker?: string;
  msg?: string;
  job?: string;
}

function collector(lines: Line[], worker: string): Logger {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as object);
      done();
    },
  });
  return pino({ base: { worker } }, sink);
}

for (const backend of ['postgres', 'redis'] as const) {
  const reason = await missing(backend);
  if (reason) console.log(reason);
  describe.skipIf(reason)(`a worker on ${backend}`, () => {
    let deployment: TestDeployment;
    const lines: Line[] = [];
    beforeAll(async () => {
      deployment = await TestDeployment.open(backend, DATABASE);
      for (const name of ['a', 'b']) await deployment.worker(name, collector(lines, name));
    });
    afterAll(async () => deployment.close());

    it('trains, and answers in the form of the contracts', async () => {
      const job = await deployment.trainJob({ epochs: 4, checkpointEvery: 2 });
      const id = await deployment.add(job);
      const result = JobResult.parse(await deployment.result(id)) as TrainResult;
      expect(result).toMatchObject({ kind: 'train', resumedFrom: 0, bestEpoch: 4 });
      expect(result.points.map((p) => p.epoch)).toEqual([1, 2, 3, 4]);
      // digits-v1: 1,259 to train on, 179 to validate, 359 to test.
      expect([result.validation.samples, result.test.samples]).toEqual([179, 359]);
      expect(result.test.accuracy).toBeGreaterThan(0.8);
      expect(result.inputs).toEqual([{ name: 'input', dtype: 'float32', shape: [-1, 1, 8, 8] }]);
      expect(result.outputs[0]?.shape).toEqual([-1, 10]);
      const bytes = await deployment.blobs.read(result.model.digest);
      expect(bytes.byteLength).toBe(result.model.bytes);
      expect(decodeModel(bytes).graph.inputs).toHaveLength(1);
      // The model, the data set's two files and their list: checkpoints are gone.
      const kept = [];
      for await (const { digest } of deployment.blobs.list()) kept.push(digest);
      const files = (await deployment.digitsFiles()).map((f) => f.digest);
      expect(kept.sort()).toEqual([result.model.digest, job.dataset.digest, ...files].sort());
      expect(await deployment.progress(id)).toMatchObject({ attempt: 1, point: { epoch: 4, epochs: 4 } });
    });

    it('gives up a job that is cancelled, and acknowledges it', async () => {
      const id = await deployment.add(await deployment.trainJob({ epochs: 5000 }));
      await until(async () => ((await deployment.progress(id))?.point?.epoch ?? 0) >= 2, 'two epochs');
      await deployment.cancel(id);
      expect(await deployment.result(id)).toEqual({ kind: 'cancelled' });
      const { checkpoint } = (await deployment.progress(id)) ?? {};
      expect(await deployment.blobs.stat(checkpoint?.digest ?? '')).toBeNull();
    });

    it('shares the load with another', async () => {
      const ids: string[] = [];
      for (let seed = 1; seed <= 4; seed++)
        ids.push(await deployment.add(await deployment.trainJob({ seed, epochs: 1 })));
      const results = await Promise.all(
        ids.map(async (id) => JobResult.parse(await deployment.result(id)) as TrainResult),
      );
      expect(new Set(results.map((r) => r.model.digest)).size).toBe(4);
      const starts = lines.filter((l) => l.msg === 'job starts' && ids.includes(l.job ?? ''));
      expect(starts.map((l) => l.job).sort()).toEqual([...ids].sort());
      expect(new Set(starts.map((l) => l.worker))).toEqual(new Set(['a', 'b']));
    });

    it('does not try again what can only fail again', async () => {
      const job = await deployment.trainJob();
      const malformed = await deployment.add({ ...job, config: { epochs: 0 }, extra: 1 });
      const [descriptor] = await deployment.digitsFiles();
      const unreadable = await deployment.digits([{ ...descriptor!, path: 'digits.csv' }]);
      const noData = await deployment.add({ ...(await deployment.trainJob()), dataset: unreadable });
      const unknown = await deployment.add(await deployment.trainJob({ model: { architecture: 'nonesuch' } }));
      for (const [id, reason] of [
        [malformed, /not of the agreed form/],
        [noData, /digits/],
        [unknown, /no architecture is called 'nonesuch'/],
      ] as const) {
        const failed = await deployment.ended(id);
        expect(failed.failedReason).toMatch(reason);
        expect(failed.attemptsStarted).toBe(1);
        expect(await failed.getState()).toBe('failed');
      }
    });

    it('distils from a teacher that another job made', async () => {
      const job = await deployment.trainJob({ epochs: 3 });
      const taught = (await deployment.result(await deployment.add(job))) as TrainResult;
      const teacher = {
        id: job.id,
        model: 'digits',
        version: 1,
        task: 'classification' as const,
        digest: taught.model.digest,
        labels: job.dataset.labels,
        preprocess: null,
      };
      const student = await deployment.trainJob({ model: { architecture: 'mlp' }, distillation: { temperature: 2 } });
      const id = await deployment.add({ ...student, teacher });
      const distilled = JobResult.parse(await deployment.result(id)) as TrainResult;
      expect(distilled.points).toHaveLength(2);
      expect(await deployment.progress(id)).toMatchObject({ stage: 'measure' });
    });
  });
}
