/** Schedulers, reports, moves and people at once, on the same rows: nobody waits in a circle, and the newest intent wins. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { ApiError } from '@verge/contracts';
import { pino } from 'pino';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { readDesired } from '../devices/desired-state.js';
import { ReportService } from '../devices/report.service.js';
import { EventBus } from '../events/event-bus.js';

const size = 60;
const durationMs = process.env['VERGE_TEST_FULL'] ? 20_000 : 3000;
const params = { project: 'plant' };
let plane: TestControlPlane;
let api: Client;
const ids: string[] = [];

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  const publisher = new Publisher(api, 'plant');
  for (const name of ['r1', 'r2']) await publisher.release(name, await makeArtifacts(plane, { project: 'plant' }));
  const { database } = plane;
  const { id: projectId } = await database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
  for (const name of ['a', 'b']) {
    const { id: groupId } = await api.call('groups.create', { params, body: { name } });
    for (let i = 0; i < size / 2; i++) {
      const certificateExpiresAt = new Date(Date.now() + 86_400_000);
      const data = { projectId, name: `${name}-${i}`, deviceClass: 'x64', groupId, certificateExpiresAt };
      ids.push((await database.device.create({ data })).id);
    }
  }
});
afterAll(() => plane.close());

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
/** What a person meets who comes too late, or twice. */
const expected = ['CONFLICT', 'STATE_CONFLICT', 'VALIDATION_FAILED'];

async function asking(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError) || !expected.includes(error.code)) throw error;
  }
}

it('has no deadlock', async () => {
  const { database } = plane;
  const reports = new ReportService(database, new EventBus(database, pino({ level: 'silent' })));
  const project = await database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
  const until = Date.now() + durationMs;
  let rollouts = 0;

  const report = async (): Promise<void> => {
    const deviceId = pick(ids);
    const [device] = await readDesired(database.pool, [deviceId], 1);
    const { generation } = device!.desired;
    const target = device!.desired.target ?? null;
    const done = Math.random() < 0.5;
    await reports.receive(
      { deviceId, projectId: project.id },
      {
        atMs: Date.now(),
        generation: Number(generation),
        updateState: target === null || done ? 'idle' : 'downloading',
        activeDigest: target === null || !done ? '' : (target.manifestDigest ?? ''),
        targetDigest: target?.manifestDigest ?? '',
        rolloutId: target?.rolloutId ?? '',
        errorCode: '',
        errorMessage: '',
        progressBytes: 0,
        totalBytes: 0,
        facts: {},
        rssBytes: 0,
        spoolRecords: 0,
        spoolDropped: 0,
      },
    );
  };
  const rollOut = (group: string) => async (): Promise<void> => {
    await asking(async () => {
      const gate = { minRequests: 0, observeSeconds: 0, deviceTimeoutSeconds: 1 };
      const body = { name: 'r', release: pick(['r1', 'r2']), group, gate };
      const { id } = await api.call('rollouts.create', { params, body });
      rollouts++;
      const verb = pick(['rollouts.revert', 'rollouts.cancel', 'rollouts.pause'] as const);
      await api.call(verb, { params: { ...params, rollout: id } });
      await api.call('rollouts.revert', { params: { ...params, rollout: id } });
    });
  };
  const move = async (): Promise<void> => {
    const [device, group] = [pick(ids), pick(['a', 'b'])];
    const name = `moved-${Math.random()}`;
    await asking(() => api.call('devices.update', { params: { ...params, device }, body: { group, name } }));
  };
  const over = async (work: () => Promise<void>): Promise<void> => {
    while (Date.now() < until) await work();
  };
  await Promise.all([report, report, report, report, rollOut('a'), rollOut('b'), rollOut('a'), move, move].map(over));

  // Connections that are closed have told the statistics all that they met.
  await plane.stop();
  const { rows } = await database.pool.query<{ deadlocks: string }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(Number(rows[0]!.deadlocks)).toBe(0);
  expect(rollouts).toBeGreaterThan(1);
  const { rows: overwritten } = await database.pool.query(
    `SELECT d.id FROM devices d JOIN rollouts r ON r.id = d.desired_rollout_id
     WHERE EXISTS (SELECT FROM rollout_devices rd JOIN rollouts newer ON newer.id = rd.rollout_id
       WHERE rd.device_id = d.id AND rd.offered_at IS NOT NULL AND newer.sequence > r.sequence)`,
  );
  expect(overwritten).toEqual([]);
});
