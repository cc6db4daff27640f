/** Writers of many rows lock them in the order of their ids: of two, one waits at the first row that both want. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/database.js';
import { rolloutOf } from '../../test/rollouts/snapshots.js';
import { until } from '../../test/fleet/control-plane.js';
import type { Db } from '../database/database.service.js';
import { DatabaseService } from '../database/database.service.js';
import { applyMigrations } from '../database/migrations.js';
import { changeDesired } from '../devices/desired-state.js';
import { uuid7 } from '../uuid7.js';
import { saveRollout } from './store.js';

let own: TestDatabase;
let database: DatabaseService;
let blocker: Client;
let rolloutId: string;
/** In falling order, as they lie in the table too: whoever takes them as they come begins at the wrong end. */
let ids: string[];

beforeAll(async () => {
  own = await createTestDatabase();
  await applyMigrations(own.url);
  database = new DatabaseService(own.url);
  blocker = new Client({ connectionString: own.url });
  await blocker.connect();
  const { id: projectId } = await database.project.create({ data: { slug: 'plant', name: 'plant' } });
  const { id: groupId } = await database.group.create({ data: { projectId, name: 'lab' } });
  const release = { projectId, name: 'r', targetsVersion: 1, createdBy: 'test' };
  const { id: releaseId } = await database.release.create({ data: release });
  const { id: modelId } = await database.model.create({ data: { projectId, name: 'digits' } });
  const version = {
    projectId,
    modelId,
    number: 1,
    digest: '',
    bytes: 1,
    inputs: [],
    outputs: [],
    labels: [],
    metrics: {},
  };
  const { id: versionId } = await database.version.create({ data: { ...version, origin: 'imported' } });
  const rollout = { projectId, name: 'r', releaseId, versionId, groupId, wavePlan: [], gate: {}, createdBy: 'test' };
  rolloutId = (await database.rollout.create({ data: rollout })).id;
  ids = Array.from({ length: 20 }, () => uuid7())
    .sort()
    .reverse();
  for (const id of ids) {
    const data = { id, projectId, name: id, deviceClass: 'x64', groupId, certificateExpiresAt: new Date() };
    await database.device.create({ data });
    await database.rolloutDevice.create({ data: { rolloutId, deviceId: id, wave: 0 } });
  }
});
afterAll(async () => {
  await blocker.end();
  await database.close();
  await own.drop();
});

/** Holds the first row while `write` begins, and looks which of the others it has locked by then. */
async function lockedBehindFirst(table: string, column: string, write: (db: Db) => Promise<unknown>): Promise<number> {
  const first = ids.at(-1)!;
  await blocker.query('BEGIN');
  await blocker.query(`SELECT 1 FROM ${table} WHERE ${column} = $1 FOR UPDATE`, [first]);
  const writing = database.$transaction(write, { timeout: 30_000 });
  try {
    await until(
      'the writer waits',
      async () =>
        (await blocker.query('SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = $1', ['transactionid'])).rows,
      (rows) => rows.length > 0,
    );
    const { rows } = await blocker.query(`SELECT 1 FROM ${table} WHERE ${column} <> $1 FOR UPDATE SKIP LOCKED`, [
      first,
    ]);
    return ids.length - 1 - rows.length;
  } finally {
    await blocker.query('ROLLBACK');
    await writing;
  }
}

describe('rows in the order of their ids', () => {
  it('desired states', async () => {
    const changes = ids.map((deviceId) => ({ deviceId, artifactId: null, nothing: true }));
    expect(await lockedBehindFirst('devices', 'id', (db) => changeDesired(db, rolloutId, changes))).toBe(0);
  });

  it('devices of a rollout', async () => {
    const one = rolloutOf([ids.length]);
    const devices = one.devices.map((device, i) => ({ ...device, deviceId: ids[i]! }));
    const before = { ...one, id: rolloutId, waves: [], devices };
    const next = { ...before, tickedAt: 0, devices: devices.map((d) => ({ ...d, state: 'offered' as const })) };
    expect(await lockedBehindFirst('rollout_devices', 'device_id', (db) => saveRollout(db, before, next))).toBe(0);
  });
});
