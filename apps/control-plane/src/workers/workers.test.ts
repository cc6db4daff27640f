import { randomUUID } from 'node:crypto';
import { ApiError, QUEUE_NAME, WORKER_EVENT, WORKER_LOST_MS, type Client, type WorkerBeat } from '@verge/contracts';
import { createPostgresBackend, Queue } from 'bullmq';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Plane, until } from '../../test/plane.js';
import { noWorkerAlarm } from '../alarms/no-worker.js';
import { WorkersService } from './workers.service.js';

const beatOf = (change: Partial<WorkerBeat> = {}): WorkerBeat => ({
  id: randomUUID(),
  name: 'worker-1',
  version: '0.1.0',
  engineVersion: '1.22.0',
  host: 'bench',
  platform: 'linux-x64',
  cores: 4,
  memoryBytes: 8 * 2 ** 30,
  uptimeSeconds: 60,
  running: [],
  leaving: false,
  ...change,
});

describe('workers', () => {
  let plane: Plane;
  let plant: Client;
  let queue: Queue;

  beforeAll(async () => {
    plane = await Plane.start();
    plant = await plane.member('plant');
    await plane.member('other');
    const connection = { connectionString: plane.config.databaseUrl!, migrate: true, max: 1 };
    queue = new Queue(QUEUE_NAME, { connection }, createPostgresBackend) as unknown as Queue;
  });
  beforeEach(() => plane.database.worker.deleteMany());
  afterAll(async () => {
    await queue?.close();
    await plane?.close();
  });

  const say = (beat: unknown) => queue.backend.publishEvent({ event: WORKER_EVENT, beat: JSON.stringify(beat) }, 1000);
  const heard = (id: string) =>
    until(
      `worker ${id}`,
      async () => (await plant.call('workers.list', {})).items,
      (items) => items.some((worker) => worker.id === id),
    );
  const get = (api: Client, worker: string) => api.call('workers.get', { params: { worker } });
  /** A queued training in a project, as old as is asked. */
  const queued = async (slug: string, ageMs: number): Promise<string> => {
    const { id: projectId } = await plane.database.project.findUniqueOrThrow({ where: { slug } });
    const row = { projectId, kind: 'train', payload: {}, createdBy: 'x', enqueuedAt: new Date() } as const;
    const createdAt = new Date(Date.now() - ageMs);
    return (await plane.database.job.create({ data: { ...row, createdAt, state: 'queued' } })).id;
  };

  it('are heard through the queue, and shown with what they have in hand', async () => {
    const own = await queued('plant', 0);
    const others = await queued('other', 0);
    const run = (job: string, kind: 'train' | 'train-shard') => ({ job, kind, seconds: 30 });
    const beat = beatOf({ running: [run(own, 'train'), run(others, 'train-shard'), run(randomUUID(), 'train')] });
    await say(beat);
    await heard(beat.id);
    const { id, name, version, engineVersion, host, platform, cores, memoryBytes } = beat;
    const worker = await get(plant, id);
    expect(worker).toMatchObject({ id, name, version, engineVersion, host, platform, cores, memoryBytes });
    expect(worker).toMatchObject({ state: 'online', runningElsewhere: 2 });
    expect(worker.running).toMatchObject([{ job: own, kind: 'train', project: 'plant' }]);
    expect(Math.abs(Date.now() - 30_000 - Date.parse(worker.running[0]!.since))).toBeLessThan(5_000);
    expect(Math.abs(Date.now() - 60_000 - Date.parse(worker.startedAt))).toBeLessThan(5_000);
    // Administrators, too, see the jobs of the projects that they belong to.
    expect((await get(plane.admin, id)).running.map((each) => each.project).sort()).toEqual(['other', 'plant']);
    await plane.database.job.deleteMany();
  });

  it('are online, lost or gone; lists are filtered by it', async () => {
    const [online, lost, left] = [beatOf({ name: 'lathe' }), beatOf({ name: 'mill' }), beatOf({ name: 'press' })];
    for (const beat of [online, lost, left]) await say(beat);
    await say({ ...left, leaving: true, running: [] });
    await heard(left.id);
    await until(
      'the last word',
      () => get(plant, left.id),
      (worker) => worker.state === 'left',
    );
    await plane.database.worker.update({ where: { id: lost.id }, data: { onlineUntil: new Date() } });
    const list = async (query: { state?: string; q?: string; sort?: 'name' }) => {
      const { items, total } = await plant.call('workers.list', { query });
      expect(total).toBe(items.length);
      return items.map((worker) => `${worker.name} ${worker.state}`);
    };
    expect(await list({ sort: 'name' })).toEqual(['lathe online', 'mill lost', 'press left']);
    expect(await list({ state: 'lost' })).toEqual(['mill lost']);
    expect(await list({ state: 'online,left', sort: 'name' })).toEqual(['lathe online', 'press left']);
    // No digit of an id, which is looked for as well.
    expect(await list({ q: 'LATH' })).toEqual(['lathe online']);
    // It comes back.
    await say(lost);
    await until(
      'the lost one',
      () => get(plant, lost.id),
      (worker) => worker.state === 'online',
    );
    const metrics = await (await fetch(`${plane.url}/metrics`)).text();
    expect(metrics).toContain('verge_workers{state="online"} 2');
    expect(metrics).toContain('verge_workers{state="lost"} 0');
    expect(metrics).toContain(`verge_worker_jobs{worker="lathe",id="${online.id}",version="0.1.0"} 0`);
  });

  it('that speak in another form are told of in the log, and change nothing', async () => {
    const lines: string[] = [];
    const service = new WorkersService(plane.database, pino({ level: 'warn' }, { write: (line) => lines.push(line) }));
    for (const said of [undefined, 'no JSON {', '{}', JSON.stringify({ ...beatOf(), id: 'x' })])
      await service.hear(said);
    expect(lines).toHaveLength(4);
    expect(await plane.database.worker.count()).toBe(0);
    await service.hear(JSON.stringify(beatOf({ name: 'a\u001b[31mb\0' })));
    expect((await plane.database.worker.findFirstOrThrow()).name).toBe('a\\u{1b}[31mb\\u{0}');
  });

  it('that have left stay so, in whatever order their words are written', async () => {
    const services = [1, 2].map(() => new WorkersService(plane.database, pino({ level: 'silent' })));
    for (let round = 0; round < 20; round++) {
      const beat = beatOf();
      const last = JSON.stringify({ ...beat, leaving: true });
      await Promise.all(services.flatMap((each) => [each.hear(JSON.stringify(beat)), each.hear(last)]));
      expect(await get(plant, beat.id)).toMatchObject({ state: 'left' });
    }
  });

  it('that are missing while jobs wait are an alarm of the projects whose jobs wait', async () => {
    await queued('plant', 10 * 60_000);
    await queued('plant', 5 * 60_000);
    await queued('plant', 1_000);
    const service = new WorkersService(plane.database, pino({ level: 'silent' }));
    // Whoever began a moment ago cannot have heard anybody.
    expect(await service.waiting(new Date())).toEqual(new Map());
    const now = new Date(Date.now() + WORKER_LOST_MS);
    const [waiting] = (await service.waiting(now)).values();
    expect(waiting?.jobs).toBe(2);
    expect(noWorkerAlarm(waiting!, now)).toEqual({
      code: 'NO_WORKER',
      subject: '2',
      expiresAt: null,
      message: '2 jobs wait, the first for 10 minutes, and no worker listens; start one with: npx verge-worker',
    });
    const other = await plane.database.project.findUniqueOrThrow({ where: { slug: 'other' } });
    expect(await service.waiting(now, other.id)).toEqual(new Map());
    // Any worker serves every project.
    await service.hear(JSON.stringify(beatOf()));
    await plane.database.worker.updateMany({ data: { onlineUntil: new Date(now.getTime() + 1000) } });
    expect(await service.waiting(now)).toEqual(new Map());
    await plane.database.job.deleteMany();
  });

  it('that are not there are not found', async () => {
    const error: unknown = await get(plant, randomUUID()).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404 });
  });
});
