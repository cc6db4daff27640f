import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Training, Worker } from '@verge/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../apps/quickstart/src/processes.js';
import { digits, System } from './harness.js';

const config = (epochs: number): object => ({
  model: { architecture: 'mlp', params: {} },
  split: 'digits-v1',
  epochs,
  optimizer: { name: 'adamw', learningRate: 0.01 },
});

/** A control plane on its own Postgres is killed and started again; nobody touches the worker beside it. */
describe('a worker beside a control plane that is started again', () => {
  let system: System;
  let workerLog: string;
  const held: Socket[] = [];
  let squatter: Server | undefined;

  beforeAll(async () => {
    system = await System.start({ workers: 0 });
    workerLog = (await system.startWorker('worker-1')).log;
    await system.commands.verge(['datasets', 'add', 'digits', '--path', digits]);
  }, 180_000);

  afterAll(async () => {
    for (const socket of held) socket.destroy();
    squatter?.close();
    await system?.stop();
  });

  const train = async (model: string, epochs: number): Promise<string> => {
    const file = join(system.home, `${model}.json`);
    await writeFile(file, JSON.stringify(config(epochs)));
    const flags = ['--model', model, '--dataset', 'digits', '--config', file];
    return (await system.commands.verge<Training>(['trainings', 'create', ...flags])).id;
  };
  const look = (training: string): Promise<Training> =>
    system.client.call('trainings.get', { params: { project: system.project, training } });
  const reached = (training: string, state: Training['state']): Promise<Training> =>
    until(`training ${training} to be ${state}`, 90, async () => {
      const now = await look(training);
      if (now.state === 'failed') throw new Error(`the training failed: ${now.error}`);
      return now.state === state ? now : undefined;
    });
  const versionsOf = async (model: string): Promise<number> => {
    const query = { model, limit: 10 };
    return (await system.client.call('versions.list', { params: { project: system.project }, query })).items.length;
  };
  const databasePort = async (): Promise<string> => {
    const text = await readFile(join(system.home, 'data', 'control-plane.json'), 'utf8');
    return new URL((JSON.parse(text) as { databaseUrl: string }).databaseUrl).port;
  };

  /** The database goes too, and another process takes its port: it accepts connections and says nothing. */
  const takePort = async (port: string): Promise<void> => {
    const pidFile = join(system.home, 'data/postgres/cluster/postmaster.pid');
    process.kill(Number((await readFile(pidFile, 'utf8')).split('\n')[0]), 'SIGQUIT');
    await until('Postgres to be gone', 30, () => Promise.resolve(existsSync(pidFile) ? undefined : true));
    squatter = createServer((socket) => {
      socket.on('error', () => undefined);
      held.push(socket);
    });
    squatter.listen(Number(port), '127.0.0.1');
    await once(squatter, 'listening');
  };

  it('ends what it runs at another address, and takes what comes later', async () => {
    const before = await databasePort();
    const running = await train('long', 80);
    await reached(running, 'running');
    const hand = await until('the worker to say what it runs', 30, async () => {
      const [worker] = await system.commands.verge<Worker[]>(['workers', 'list']);
      return worker?.running[0];
    });
    expect(hand).toMatchObject({ job: running, kind: 'train', project: system.project });

    await system.killControlPlane();
    await takePort(before);
    await system.startControlPlane();
    expect(await databasePort()).not.toBe(before);
    const queued = await train('short', 1);
    await reached(running, 'succeeded');
    await reached(queued, 'succeeded');
    expect(await versionsOf('long')).toBe(1);
    expect(await versionsOf('short')).toBe(1);
    // The same process all the time, and free again; what a worker runs is told by its next beat.
    const free = await until('the one worker to be online and free', 30, async () => {
      const workers = await system.commands.verge<Worker[]>(['workers', 'list']);
      const [worker, another] = workers;
      return worker?.state === 'online' && worker.running.length === 0 && !another ? worker : undefined;
    });
    expect(await system.commands.verge<Worker>(['workers', 'get', free.name])).toMatchObject({ running: [] });
    const said = await readFile(workerLog, 'utf8');
    expect(said).toContain('the queue has moved; this worker follows it');
    expect(said.match(/worker is ready/g)).toHaveLength(1);
    expect(await readFile(join(system.home, 'logs', 'control-plane.log'), 'utf8')).toContain('its port is taken');
  }, 240_000);

  it.skipIf(!process.env['VERGE_TEST_FULL'])(
    'takes what comes after a restart at the same address',
    async () => {
      const before = await databasePort();
      await system.killControlPlane();
      await system.startControlPlane();
      expect(await databasePort()).toBe(before);
      await reached(await train('later', 1), 'succeeded');
      expect(await versionsOf('later')).toBe(1);
    },
    240_000,
  );
});
