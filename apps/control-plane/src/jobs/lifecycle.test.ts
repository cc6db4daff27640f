import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  isFinal,
  jobLifecycle,
  QUEUE_NAME,
  QUEUE_PREFIX,
  WorkEvent,
  type Client,
  type CompressJob,
  type JobResult,
  type Training,
} from '@verge/contracts';
import { Redis } from 'ioredis';
import { startControlPlane } from '../index.js';
import { readEvents } from '../../test/events.js';
import { Plane, until } from '../../test/plane.js';
import { compressResult, evaluateResult, pointAt, progressAt, searchResult, trainResult } from '../../test/results.js';
import { loseJob, startWorker, type TestWorker, type Work } from '../../test/worker.js';

/** A database of its own within the Redis that runs here. */
const redisUrl = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379/13';
const redisRuns = await new Promise<boolean>((resolve) => {
  const { hostname, port } = new URL(redisUrl);
  const socket = connect(Number(port || 6379), hostname, () => resolve(socket.destroy() !== undefined));
  socket.once('error', () => resolve(false));
});
if (!redisRuns) process.stderr.write(`no Redis at ${new URL(redisUrl).host}: its half of the job tests is skipped\n`);

const backends: { backend: string; env: Record<string, string>; runs: boolean }[] = [
  { backend: 'postgres', env: {}, runs: true },
  { backend: 'redis', env: { REDIS_URL: redisUrl }, runs: redisRuns },
];

const params = { project: 'plant' };
const config = {
  model: { architecture: 'digits-teacher', params: {} },
  epochs: 3,
  optimizer: { name: 'sgd' as const },
};

for (const { backend, env, runs } of backends) {
  describe.skipIf(!runs)(`jobs on ${backend}`, () => {
    let plane: Plane;
    let api: Client & { token: string };
    const workers: TestWorker[] = [];
    const kills: (() => void)[] = [];

    beforeAll(async () => {
      if (backend === 'redis') {
        const redis = new Redis(redisUrl);
        await redis.flushdb();
        await redis.quit();
      }
      plane = await Plane.start(env);
      api = await plane.member('plant');
      const blob = await plane.blobs.put(Buffer.from('1,2,3'));
      await api.call('blobs.put', { params: { ...params, digest: blob.digest }, raw: Buffer.from('1,2,3') });
      const files = [{ path: 'digits.csv', ...blob }];
      const body = { name: 'digits', format: 'csv' as const, files, labels: ['0', '1'] };
      await api.call('datasets.create', { params, body });
      const passes = [{ pass: 'fold' as const }];
      await api.call('recipes.create', { params, body: { name: 'small', passes } });
    });
    afterEach(async () => {
      for (const kill of kills.splice(0)) kill();
      for (const worker of workers.splice(0)) await worker.close();
    });
    afterAll(async () => {
      await plane?.close();
    });

    /** What FLUSHDB, or a Redis on an empty disk, does; on Postgres, a queue whose rows were lost. */
    const flush = async (): Promise<void> => {
      if (backend === 'redis') {
        const redis = new Redis(redisUrl);
        await redis.flushdb();
        await redis.quit();
        return;
      }
      const tables = await plane.database.pool.query<{ name: string }>(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'bullmq' AND tablename LIKE '%job%'",
      );
      await plane.database.pool.query(`TRUNCATE ${tables.rows.map(({ name }) => name).join(', ')} CASCADE`);
    };

    const working = async (work: (job: Work) => Promise<JobResult>): Promise<void> => {
      workers.push(await startWorker(plane.config, work));
    };
    const train = (model: string, teacher: string | null = null): Promise<Training> =>
      api.call('trainings.create', { params, body: { model, dataset: 'digits', config, teacher } });
    const look = (training: string): Promise<Training> =>
      api.call('trainings.get', { params: { ...params, training } });
    const over = (id: string): Promise<Training> =>
      until(
        'the training is over',
        () => look(id),
        (t) => isFinal(jobLifecycle, t.state),
      );

    it('carries a training to a version, then a student, an artifact and an evaluation', async () => {
      await working(async ({ payload, progress }) => {
        if (payload.kind === 'compress') return await compressResult(plane.blobs, payload);
        if (payload.kind === 'evaluate') return evaluateResult;
        for (const epoch of [1, 2, 3]) await progress(progressAt(epoch));
        return await trainResult(plane.blobs, `weights of ${payload.id}`);
      });
      const teacher = await over((await train('teacher')).id);
      expect(teacher).toMatchObject({ state: 'succeeded', version: 1, error: null, attempts: 1 });
      expect(teacher.test?.accuracy).toBe(0.97);
      const points = await api.call('trainings.points', { params: { ...params, training: teacher.id } });
      expect(points.items).toEqual([1, 2, 3].map((epoch) => pointAt(epoch)));
      const version = await api.call('versions.get', { params: { ...params, version: 'teacher@1' } });
      expect(version).toMatchObject({ origin: 'plain', trainingId: teacher.id, labels: ['0', '1'] });
      await api.open('blobs.head', { params: { ...params, digest: version.digest } });

      const student = await over((await train('student', 'teacher@1')).id);
      const distilled = await api.call('versions.get', { params: { ...params, version: 'student@1' } });
      expect(distilled).toMatchObject({ origin: 'distilled', teacherVersionId: version.id, id: student.versionId });
      expect(student.config.distillation).toEqual({ temperature: 4, alpha: 0.3 });

      const body = { version: 'student@1', recipe: 'small', target: { name: 'x64-small' } };
      const { id } = await api.call('compressions.create', { params, body });
      const compressed = await until(
        'the compression is over',
        () => api.call('compressions.get', { params: { ...params, compression: id } }),
        (c) => isFinal(jobLifecycle, c.state),
      );
      expect(compressed.error).toBeNull();
      const artifact = await api.call('artifacts.get', { params: { ...params, artifact: compressed.artifactId! } });
      expect(artifact).toMatchObject({ model: 'student', version: 1, deviceClass: 'x64-small', offered: true });
      await api.open('blobs.head', { params: { ...params, digest: artifact.manifestDigest } });

      const asked = { version: 'student@1', dataset: 'digits' };
      const evaluation = await api.call('evaluations.create', { params, body: asked });
      const evaluated = await until(
        'the evaluation is over',
        () => api.call('evaluations.get', { params: { ...params, evaluation: evaluation.id } }),
        (e) => isFinal(jobLifecycle, e.state),
      );
      expect(evaluated).toMatchObject({ state: 'succeeded', confusion: evaluateResult.confusion });

      const lineage = await api.call('versions.lineage', { params: { ...params, version: 'teacher@1' } });
      expect(lineage.nodes.map((n) => n.kind).sort()).toEqual(
        ['artifact', 'compression', 'dataset', 'training', 'training', 'version', 'version'].sort(),
      );
      const taught = lineage.edges.find((e) => e.role === 'taught');
      expect(taught).toEqual({ from: version.id, to: student.id, role: 'taught' });
      const audit = await api.call('audit.list', { params, query: { action: 'training' } });
      expect(audit.items.map((e) => e.action)).toContain('training.succeed');
    });

    it('carries a search to its front and an artifact, or to none', async () => {
      const front = [{ id: 'fold', points: 0, bytes: 4000, macs: 2000 }];
      await working(async ({ payload, progress }) => {
        if (payload.kind !== 'compress') return await trainResult(plane.blobs, `weights of ${payload.id}`);
        await progress({ ...progressAt(1), stage: 'fold', point: null, search: { tried: 1, front } });
        const { maxBytes } = payload.search!.budget;
        if (maxBytes === 1) return await searchResult(plane.blobs, payload, null);
        const result = await searchResult(plane.blobs, payload, 'fold + int8');
        // A best that nobody measured.
        if (maxBytes === 2) delete result.search.variants[0]!.measured;
        return result;
      });
      await over((await train('searched')).id);
      const common = { version: 'searched@1', target: { name: 'x64-small' } };
      const searched = async (budget: object) => {
        const { id } = await api.call('compressions.create', { params, body: { ...common, search: { budget } } });
        return await until(
          'the search is over',
          () => api.call('compressions.get', { params: { ...params, compression: id } }),
          (c) => isFinal(jobLifecycle, c.state),
        );
      };
      const found = await searched({ maxDropPoints: 0.5 });
      expect(found).toMatchObject({ state: 'succeeded', error: null, recipe: null, attempts: 1 });
      expect(found.search).toEqual({ budget: { maxDropPoints: 0.5, maxSeconds: 1800 }, seed: 1 });
      expect(found.progress?.search).toEqual({ tried: 1, front });
      const at = { params: { ...params, compression: found.id } };
      const { report } = await api.call('compressions.search', at);
      expect(report).toMatchObject({ best: 'fold + int8', variants: [{ verdict: 'best' }] });
      const artifact = await api.call('artifacts.get', { params: { ...params, artifact: found.artifactId! } });
      expect(artifact).toMatchObject({ deviceClass: 'x64-small', recipe: 'fold-int8', offered: true });
      const works = await api.call('jobs.list', { params, query: { kind: 'compression', q: 'searched' } });
      expect(works.items[0]?.name).toBe('searched@1 search');
      const held = await api.call('compressions.delete', at).catch((e) => e);
      expect(held.code).toBe('IN_USE');

      const none = await searched({ maxBytes: 1 });
      expect(none).toMatchObject({ state: 'succeeded', report: null, artifactId: null });
      const { report: why } = await api.call('compressions.search', { params: { ...params, compression: none.id } });
      expect(why).toMatchObject({ best: null, nearest: 'fold + int8' });
      const unmeasured = await searched({ maxBytes: 2 });
      expect(unmeasured).toMatchObject({ state: 'failed', artifactId: null });
      expect(unmeasured.error).toMatch(/'fold \+ int8', was not measured/);

      for (const way of [{}, { recipe: 'small', search: {} }]) {
        const refused = await api.call('compressions.create', { params, body: { ...common, ...way } }).catch((e) => e);
        expect([refused.status, refused.errors[0].detail]).toEqual([422, expect.stringMatching(/either a recipe or/)]);
      }
    });

    it('tries again after a failure, and gives the reason when all attempts fail', async () => {
      let calls = 0;
      await working(async ({ payload, attempt }) => {
        if (payload.kind === 'train' && payload.model === 'never')
          throw new Error(`no memory left in attempt ${attempt}`);
        if (++calls === 1) throw new Error('a hiccup');
        return await trainResult(plane.blobs, `weights of ${payload.id}`);
      });
      const [second, never] = await Promise.all([train('second-try'), train('never')]);
      expect(await over(second.id)).toMatchObject({ state: 'succeeded', attempts: 2, error: null });
      const failed = await over(never.id);
      expect(failed).toMatchObject({ state: 'failed', attempts: 3, versionId: null });
      expect(failed.error).toBe('no memory left in attempt 3');
      const problem = await api.call('trainings.cancel', { params: { ...params, training: never.id } }).catch((e) => e);
      expect(problem.code).toBe('STATE_CONFLICT');
    });

    it('refuses results that do not hold', async () => {
      await working(async ({ payload }) => {
        const name = payload.kind === 'train' ? payload.model : '';
        if (name === 'wrong-form') return { kind: 'train' } as JobResult;
        if (name === 'wrong-kind') return evaluateResult;
        const result = await trainResult(plane.blobs, `weights of ${payload.id}`);
        if (name === 'no-blob') return { ...result, model: { digest: `sha256:${'e'.repeat(64)}`, bytes: 9 } };
        if (payload.kind !== 'compress') return result;
        return await compressResult(plane.blobs, payload as CompressJob, { version: 9 });
      });
      const errors: Record<string, string | null> = {};
      for (const model of ['wrong-form', 'wrong-kind', 'no-blob'])
        errors[model] = (await over((await train(model)).id)).error;
      expect(errors['wrong-form']).toMatch(/^the worker returned what it should not: .*\/model:/);
      expect(errors['wrong-kind']).toMatch(/another kind of job: evaluate/);
      expect(errors['no-blob']).toMatch(/did not store what it names: sha256:eeee/);
      const body = { version: 'teacher@1', recipe: 'small', target: { name: 'x64-small' } };
      const { id } = await api.call('compressions.create', { params, body });
      const refused = await until(
        'the compression is over',
        () => api.call('compressions.get', { params: { ...params, compression: id } }),
        (c) => isFinal(jobLifecycle, c.state),
      );
      expect(refused).toMatchObject({ state: 'failed', artifactId: null });
      expect(refused.error).toMatch(/does not fit the job: expected teacher@1/);
    });

    it('cancels a job that waits at once, and one that runs when its worker says so', async () => {
      const waiting = await train('cancelled');
      const cancelled = await api.call('trainings.cancel', { params: { ...params, training: waiting.id } });
      expect(cancelled.state).toBe('cancelled');
      await working(async ({ cancelRequested }) => {
        await until('cancellation is asked for', cancelRequested, (asked) => asked);
        return { kind: 'cancelled' };
      });
      const running = await train('cancelled');
      await until(
        'it runs',
        () => look(running.id),
        (t) => t.state === 'running',
      );
      const asked = await api.call('trainings.cancel', { params: { ...params, training: running.id } });
      expect(['cancelling', 'cancelled']).toContain(asked.state);
      expect(await over(running.id)).toMatchObject({ state: 'cancelled', versionId: null });
    });

    it('gives the job of a killed worker to another, which sees how far it had come', async () => {
      const args = [backend, plane.config.redisUrl ?? plane.config.databaseUrl!, QUEUE_NAME, QUEUE_PREFIX];
      const script = fileURLToPath(new URL('../../test/hanging-worker.mjs', import.meta.url));
      const child = spawn(process.execPath, [script, ...args, JSON.stringify(progressAt(1))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      kills.push(() => child.kill('SIGKILL'));
      const training = await train('survivor');
      await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
      await until(
        'its progress is known',
        () => look(training.id),
        (t) => t.progress?.point?.epoch === 1,
      );
      child.kill('SIGKILL');
      let found: unknown;
      await working(async ({ payload, previous }) => {
        found = previous;
        return await trainResult(plane.blobs, `weights of ${payload.id}`);
      });
      expect(await over(training.id)).toMatchObject({ state: 'succeeded', version: 1 });
      expect(found).toMatchObject({ point: { epoch: 1 } });
    });

    it('catches up with what happened while it was down', async () => {
      const [ends, lost] = await Promise.all([train('offline'), train('lost')]);
      await plane.stop();
      await loseJob(plane.config, lost.id);
      let done = false;
      await working(async ({ payload, progress }) => {
        await progress(progressAt(2));
        const result = await trainResult(plane.blobs, `weights of ${payload.id}`);
        done = true;
        return result;
      });
      await until(
        'the worker is done',
        async () => done,
        (d) => d,
      );
      const longAgo = new Date(Date.now() - 3_600_000);
      await plane.database.job.update({ where: { id: lost.id }, data: { enqueuedAt: longAgo } });
      // One that was committed, and never reached the queue.
      const forgotten = await plane.database.job.findUniqueOrThrow({ where: { id: ends.id } });
      expect(forgotten.state).toBe('queued');
      await plane.startAgain();
      expect(await over(ends.id)).toMatchObject({ state: 'succeeded', version: 1 });
      expect(await over(lost.id)).toMatchObject({ state: 'succeeded', version: 1, attempts: 1, error: null });
    });

    // It waits for a round of reconciliation: on both queues in the full tests.
    it.runIf(backend === 'redis' || process.env['VERGE_TEST_FULL'])(
      'puts jobs in again that a flushed queue has lost, with what they had reached',
      async () => {
        let hold: () => void = () => undefined;
        const held = new Promise<void>((resolve) => (hold = resolve));
        const seen: { attempt: number; previous: unknown }[] = [];
        await working(async ({ payload, attempt, previous, progress }) => {
          if (payload.kind !== 'train' || payload.model !== 'flushed')
            return await trainResult(plane.blobs, payload.id);
          seen.push({ attempt, previous });
          if (seen.length > 1) return await trainResult(plane.blobs, `weights of ${payload.id}`);
          await progress(progressAt(2));
          await held;
          throw new Error('its queue has gone');
        });
        const running = await train('flushed');
        await until(
          'its progress is known',
          () => look(running.id),
          (t) => t.progress?.point?.epoch === 2 && t.attempts === 1,
        );
        const waiting = await train('waiting');
        await flush();
        const longAgo = new Date(Date.now() - 3_600_000);
        const ids = [running.id, waiting.id];
        await plane.database.job.updateMany({ where: { id: { in: ids } }, data: { enqueuedAt: longAgo } });
        hold();
        expect(await over(running.id)).toMatchObject({ state: 'succeeded', version: 1, attempts: 2, error: null });
        expect(await over(waiting.id)).toMatchObject({ state: 'succeeded', version: 1, attempts: 1 });
        expect(seen).toHaveLength(2);
        expect(seen[1]!.previous).toMatchObject({ point: { epoch: 2 } });
        const audit = await api.call('audit.list', { params, query: { action: 'training.succeed', limit: 100 } });
        const ended = audit.items.map((e) => e.subject!.id);
        for (const id of ids) expect(ended.filter((one) => one === id)).toHaveLength(1);
      },
    );

    it('makes one version of one result, with two control planes that both see it', async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'verge-second-'));
      const second = await startControlPlane({ ...plane.config, dataDir, http: { host: '127.0.0.1', port: 0 } });
      await working(async ({ payload, progress }) => {
        await progress(progressAt(1));
        return await trainResult(plane.blobs, `weights of ${payload.id}`);
      });
      const made = await Promise.all(Array.from({ length: 6 }, () => train('shared')));
      for (const { id } of made) expect(await over(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
      const model = await api.call('models.get', { params: { ...params, model: 'shared' } });
      expect([model.versions, model.latest?.version]).toEqual([6, 6]);
      const audit = await api.call('audit.list', { params, query: { action: 'training.succeed', limit: 100 } });
      const ended = audit.items.map((e) => e.subject!.id);
      expect(new Set(ended).size).toBe(ended.length);
      await second.close();
      await rm(dataDir, { recursive: true, force: true });
    });

    it('streams the progress of a training, and resumes after the last epoch that was seen', async () => {
      let go: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (go = resolve));
      await working(async ({ payload, progress }) => {
        await progress(progressAt(1));
        await gate;
        for (const epoch of [2, 3]) await progress(progressAt(epoch));
        return await trainResult(plane.blobs, `weights of ${payload.id}`);
      });
      const training = await train('streamed');
      const url = `${plane.url}/api/v1/projects/plant/trainings/${training.id}/events`;
      const live = readEvents(url, api.token);
      const feed = readEvents(`${plane.url}/api/v1/projects/plant/events`, api.token);
      await until(
        'the first epoch arrives',
        async () => live.events,
        (e) => e.some((x) => x.id === '1'),
      );
      go();
      await over(training.id);
      const parsed = () => live.events.map((e) => WorkEvent.parse(e.data));
      await until(
        'the end arrives',
        async () => parsed(),
        (all) => all.some((e) => e.type === 'state' && e.state === 'succeeded'),
      );
      const epochs = parsed().flatMap((e) => (e.type === 'point' ? [e.point.epoch] : []));
      expect(epochs).toEqual([...new Set(epochs)].sort());
      expect(epochs).toContain(3);
      await until(
        'the project hears of the version',
        async () => feed.events,
        (all) => all.some((e) => (e.data as { type: string }).type === 'version'),
      );
      const resumed = readEvents(url, api.token, '2');
      await until(
        'the rest arrives',
        async () => resumed.events,
        (all) => all.some((e) => e.id === '3'),
      );
      expect(resumed.events.filter((e) => e.id !== undefined).map((e) => e.id)).toEqual(['3']);
      for (const reader of [live, feed, resumed]) reader.close();
    });
  });
}
