/**
 * Postgres and Redis away for a while, under real processes: while nothing happens and in the middle of a training. All go
 * on by themselves; nobody is answered 500; nothing is lost or doubled. An unhandled rejection fails every suite.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFinal, jobLifecycle, type Training } from '@verge/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../apps/quickstart/src/processes.js';
import { POOL_SIZE } from '../../apps/control-plane/src/database/database.service.js';
import { digits, System } from '../loop/harness.js';
import { Fleet } from './fleet.js';
import { operationsCommands, runShown } from './operations.js';
import { OwnPostgres, OwnRedis, redisIsInstalled } from './services.js';
import { Watch } from './watch.js';

const full = process.env['VERGE_TEST_FULL'] !== undefined;
const seconds = full ? [1, 5, 30, 120] : [1];
if (!redisIsInstalled) process.stderr.write('no redis-server on the path: outages of the queue in Redis are skipped\n');

const queues = [
  { queue: 'redis', runs: redisIsInstalled },
  { queue: 'postgres', runs: full },
];

for (const { queue, runs } of queues) {
  describe.skipIf(!runs)(`with the queue on ${queue}`, () => {
    let postgres: OwnPostgres;
    let redis: OwnRedis | undefined;
    let system: System;
    let watch: Watch;
    let trainings = 0;
    const services = queue === 'redis' ? (['Postgres', 'Redis'] as const) : (['Postgres'] as const);
    const service = (name: (typeof services)[number]) => (name === 'Postgres' ? postgres : redis!);

    const train = (epochs: number): Promise<Training> =>
      system.client.call('trainings.create', {
        params: { project: system.project },
        body: {
          model: `model-${++trainings}`,
          dataset: 'digits',
          teacher: null,
          config: {
            model: { architecture: 'mlp', params: {} },
            split: 'digits-v1',
            epochs,
            optimizer: { name: 'adamw', learningRate: 0.01 },
          },
        },
      });
    const look = (training: string): Promise<Training | undefined> =>
      system.client
        .call('trainings.get', { params: { project: system.project, training } })
        // While Postgres is away.
        .catch((error: { status?: number }) => (error.status === 503 ? undefined : Promise.reject(error as Error)));
    const over = (id: string): Promise<Training> =>
      until('the training to be over', 240, async () => {
        const training = await look(id);
        return training && isFinal(jobLifecycle, training.state) ? training : undefined;
      });
    const ready = (): Promise<true> =>
      until('the control plane to be ready again', 60, async () =>
        (await fetch(`${system.url}/readyz`)).ok ? true : undefined,
      );

    beforeAll(async () => {
      postgres = await OwnPostgres.create();
      redis = queue === 'redis' ? await OwnRedis.create() : undefined;
      await redis?.start();
      const env = { DATABASE_URL: postgres.url, REDIS_URL: redis?.url ?? '' };
      // As after a power cut: the control plane is up before its database.
      const starting = System.start({ workers: 1, env });
      await postgres.startWhenAskedFor();
      system = await starting;
      await system.commands.verge(['datasets', 'add', 'digits', '--path', digits]);
      watch = new Watch(system, postgres);
    }, 180_000);
    afterAll(async () => {
      await watch?.end();
      await system?.stop();
      await postgres?.close();
      await redis?.close();
    });

    it('the control plane waited for a Postgres that was not there yet, and said so', async () => {
      const log = await readFile(join(system.home, 'logs', 'control-plane.log'), 'utf8');
      expect(log).toContain('Postgres does not answer yet');
    });

    for (const name of services)
      for (const duration of seconds) {
        const timeout = (duration + 300) * 1000;
        it(`${name} away for ${duration} s while nothing happens`, { timeout }, async () => {
          let said: unknown;
          await service(name).awayFor(duration, async () => {
            said = await (await fetch(`${system.url}/readyz`)).json();
          });
          expect(said).toMatchObject({ status: 'down', [name === 'Redis' ? 'queue' : 'database']: 'down' });
          await ready();
        });

        it(`${name} away for ${duration} s in a training`, { timeout }, async () => {
          const { id } = await train(30);
          await until('it to have begun', 60, async () => ((await look(id))?.progress?.point ? true : undefined));
          await service(name).awayFor(duration);
          const ended = await over(id);
          expect(ended).toMatchObject({ state: 'succeeded', version: 1, error: null });
        });
      }

    it.runIf(full)('a rollout goes on after each outage', { timeout: 1_800_000 }, async () => {
      const fleet = await Fleet.create(system, (await over((await train(1)).id)).versionId!);
      for (const name of services)
        for (const duration of seconds) {
          const { rollout, artifact } = await fleet.begin();
          await service(name).awayFor(duration);
          await ready();
          expect(await fleet.over(rollout), `${name} away for ${duration} s`).toMatchObject({ state: 'succeeded' });
          const params = { project: system.project, device: fleet.deviceId };
          expect((await system.client.call('devices.get', { params })).active?.manifestDigest).toBe(
            artifact.manifestDigest,
          );
        }
    });

    it.runIf(full && queue === 'redis')('a training that is asked for while Redis is away waits for it', async () => {
      let asked: Training | undefined;
      await redis!.awayFor(2, async () => {
        asked = await train(1);
      });
      expect(await over(asked!.id)).toMatchObject({ state: 'succeeded', version: 1 });
    });

    it.runIf(full && queue === 'redis')('a Redis begun anew gets its jobs again', { timeout: 240_000 }, async () => {
      const { id } = await train(30);
      await until('it to have begun', 60, async () => ((await look(id))?.progress?.point ? true : undefined));
      const waiting = await train(1);
      await redis!.beginAnew();
      expect(await over(id)).toMatchObject({ state: 'succeeded', version: 1, error: null });
      expect(await over(waiting.id)).toMatchObject({ state: 'succeeded', version: 1, error: null });
    });

    it.skipIf(queue !== 'redis')('every command of docs/operations.md runs as it stands', async () => {
      const commands = await operationsCommands();
      expect(commands.length).toBeGreaterThan(3);
      for (const command of commands) expect(await runShown(command, system, redis!.url), command).not.toBe('');
    });

    it('nothing was lost or doubled, nobody was answered 500 or left waiting, no connection was left behind', async () => {
      await watch.end();
      expect(watch.wrong).toEqual([]);
      expect(watch.statuses.get(503)).toBeGreaterThan(0);
      expect(watch.slowestMs, 'a request that hung').toBeLessThan(30_000);
      expect(watch.connections.get('verge-control-plane')).toBeLessThanOrEqual(POOL_SIZE);
      expect(watch.connections.get('verge-events')).toBe(1);
      const params = { project: system.project };
      const models = await system.client.call('models.list', { params, query: { limit: 100 } });
      expect(models.items.map((model) => model.versions)).toEqual(Array(trainings).fill(1));
      const ends = await postgres.query("SELECT subject_id FROM audit_entries WHERE action = 'training.succeed'");
      expect(ends).toHaveLength(trainings);
      const log = await readFile(join(system.home, 'logs', 'control-plane.log'), 'utf8');
      expect(log.split('\n').filter((line) => line.includes('"level":60'))).toEqual([]);
    });
  });
}
