import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import type { TelemetryRecord } from '@verge/contracts/grpc';
import type { TestArtifact } from '../../test/fleet/artifacts.js';
import { makeArtifacts } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { SimulatedDevice } from '../../test/fleet/device.js';
import { fold } from './fold.js';
import { deleteBatch, expiries } from './retention.js';

const params = { project: 'plant' };
const day = 86_400_000;
const migrations = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));
let plane: TestControlPlane;
let api: Client;
let artifacts: TestArtifact[];
const devices: SimulatedDevice[] = [];

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  artifacts = [...(await makeArtifacts(plane, params)), ...(await makeArtifacts(plane, params))];
  for (const name of ['north', 'south']) await api.call('groups.create', { params, body: { name } });
});
afterAll(async () => {
  for (const device of devices) device.stop();
  await plane.close();
});

/** A device of long ago, so that its records of weeks ago are believed. */
async function enrolled(group?: string): Promise<SimulatedDevice> {
  const body = { deviceClass: 'x64', ...(group ? { group } : {}) };
  const device = await SimulatedDevice.enroll((await api.call('enrollment.create', { params, body })).bundle);
  await plane.database.device.update({
    where: { id: device.id },
    data: { enrolledAt: new Date(Date.now() - 90 * day) },
  });
  for (const artifact of artifacts) {
    device.active = artifact.manifestDigest;
    await device.report('idle');
  }
  devices.push(device);
  return device;
}

function late(device: SimulatedDevice, daysAgo: number, n: number): TelemetryRecord {
  const startMs = Math.floor(Date.now() - daysAgo * day - (n + 1) * 17_000);
  const digest = artifacts[n % artifacts.length]!.manifestDigest;
  const record = device.record({ requests: 1 + (n % 7), errors: n % 2, callerErrors: n % 3, latencyMs: 1 + n, digest });
  return { ...record, startMs, endMs: startMs + 1000, classes: [{ index: n % 3, count: 1 + (n % 7) - (n % 2) }] };
}

const totals = (query: object) => api.call('telemetry.totals', { params, query });
const pending = () => plane.database.telemetryPending.count();

async function foldAll(): Promise<void> {
  for (let left = await pending(); left > 0; left = await pending()) await fold(plane.database.pool);
}

/** Sums of roll-ups that differ from those of the raw records, of every scope and both lengths. */
async function differences(): Promise<unknown[]> {
  const { rows } = await plane.database.pool.query(`
    WITH scopes AS (
      SELECT t.*, s.scope_id, l.seconds FROM telemetry_records t
      CROSS JOIN LATERAL (VALUES (t.project_id), (t.group_id), (t.device_id)) AS s(scope_id)
      CROSS JOIN (VALUES (60), (3600)) AS l(seconds) WHERE s.scope_id IS NOT NULL
    ), raw AS (
      SELECT scope_id, seconds, to_timestamp(floor(extract(epoch FROM start_at) / seconds) * seconds) AS at,
        artifact_digest, count(*) AS records, sum(requests) AS requests, sum(errors) AS errors,
        sum(caller_errors) AS caller_errors, sum(load_errors) AS load_errors
      FROM scopes GROUP BY 1, 2, 3, 4
    )
    SELECT * FROM raw FULL JOIN telemetry_rollups r USING (scope_id, seconds, at, artifact_digest)
    WHERE (raw.records, raw.requests, raw.errors, raw.caller_errors, raw.load_errors)
      IS DISTINCT FROM (r.records, r.requests, r.errors, r.caller_errors, r.load_errors)`);
  return rows;
}

describe('roll-ups', () => {
  it('hold each record once, in its own minute, whoever folds and dies meanwhile', async () => {
    const fleet = [await enrolled('north'), await enrolled('south'), await enrolled()];
    let done = false;
    // Transactions break off in the middle of whatever they do, as they would with a process that is killed.
    const breaking = (async () => {
      while (!done) {
        await plane.database.$executeRaw`SELECT pg_cancel_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.25`.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 80));
      }
    })();
    const folding = Promise.all(
      [0, 1].map(async () => {
        while (!done) {
          await fold(plane.database.pool).catch(() => undefined);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }),
    );
    await Promise.all(
      fleet.map(async (device, d) => {
        for (let batch = 0; batch < 10; batch++) {
          const records = Array.from({ length: 20 }, (_, n) => late(device, (batch * 5) % 40, 20 * d + n));
          await again(() => device.push(records));
        }
      }),
    );
    done = true;
    await Promise.all([breaking, folding]);
    await again(foldAll);
    expect(await plane.database.telemetryRecord.count()).toBe(600);
    expect(await differences()).toEqual([]);
    const from = new Date(Date.now() - 60 * day).toISOString();
    const all = await again(() => totals({ from }));
    expect(all).toMatchObject({ records: 600, devices: 3 });
    expect(all.classes.reduce((sum, { count }) => sum + count, 0)).toBe(all.requests - all.errors);
    expect(await totals({ from, group: 'north' })).toMatchObject({ records: 200, devices: 1 });
    expect(await totals({ from, device: fleet[2]!.id })).toMatchObject({ records: 200, devices: 1 });
    expect(await totals({ from, device: fleet[2]!.id, group: 'north' })).toMatchObject({ records: 0, devices: 0 });
    const { manifestDigest: artifact } = artifacts[0]!;
    expect(await totals({ from, artifact })).toMatchObject({ records: 300, devices: 3 });
    // What is answered does not depend on whether it was folded yet.
    await fleet[0]!.push([late(fleet[0]!, 0.01, 1)]);
    expect(await totals({ from })).toMatchObject({ records: 601, devices: 3 });
    await foldAll();
    expect(await totals({ from })).toMatchObject({ records: 601, devices: 3 });
  });

  it('are built from the records that were there before them, when the database is migrated', async () => {
    const { pool } = plane.database;
    await pool.query('TRUNCATE telemetry_rollups, telemetry_arrivals, telemetry_pending');
    const sql = await readFile(join(migrations, '20261127034958_telemetry_rollups/migration.sql'), 'utf8');
    await pool.query(sql.slice(sql.indexOf('-- What is there already')));
    await foldAll();
    expect(await differences()).toEqual([]);
    const from = new Date(Date.now() - 60 * day).toISOString();
    expect(await totals({ from })).toMatchObject({ records: 601, devices: 3 });
  });

  it('give a series in which every step is there, and a silent one is zero', async () => {
    const device = await enrolled();
    const to = new Date(Math.floor(Date.now() / 60_000) * 60_000);
    const at = to.getTime() - 10 * 60_000;
    await device.push([{ ...device.record({ requests: 7, latencyMs: 3 }), startMs: at, endMs: at + 1000 }]);
    const query = { device: device.id, from: new Date(to.getTime() - 3_600_000).toISOString(), to: to.toISOString() };
    for (const stepSeconds of [60, 300]) {
      const { points } = await api.call('telemetry.series', { params, query: { ...query, stepSeconds } });
      const times = points.map((point) => Date.parse(point.at));
      expect(times.slice(1).every((time, i) => time - times[i]! === stepSeconds * 1000)).toBe(true);
      expect(times[0]! <= Date.parse(query.from) && times.at(-1)! + stepSeconds * 1000 >= to.getTime()).toBe(true);
      const loud = points.filter((point) => point.requests > 0);
      expect(loud).toHaveLength(1);
      expect(loud[0]).toMatchObject({ requests: 7, at: new Date(at - (at % (stepSeconds * 1000))).toISOString() });
      const silent = { requests: 0, errors: 0, callerErrors: 0, loadErrors: 0, p50Ms: null, p95Ms: null, p99Ms: null };
      expect(points.filter((point) => point.requests === 0)[0]).toMatchObject(silent);
    }
    await expect(api.call('telemetry.series', { params, query: { ...query, stepSeconds: 90 } })).rejects.toMatchObject({
      errors: [{ field: '?stepSeconds' }],
    });
    const old = { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z', stepSeconds: 1800 };
    await expect(api.call('telemetry.series', { params, query: old })).rejects.toMatchObject({
      errors: [{ field: '?stepSeconds', detail: expect.stringContaining('whole hours') }],
    });
  });

  it('answer whatever is stored: sums beyond 2^53, and sketches that nothing wrote', async () => {
    const other = await plane.project('poisoned');
    const project = await plane.database.project.findUniqueOrThrow({ where: { slug: 'poisoned' } });
    const row = {
      projectId: project.id,
      deviceId: devices[0]!.id,
      artifactDigest: artifacts[0]!.manifestDigest,
      at: new Date(Math.floor(Date.now() / 60_000) * 60_000),
      records: 1n,
      requests: BigInt(Number.MAX_SAFE_INTEGER),
      errors: BigInt(Number.MAX_SAFE_INTEGER),
      callerErrors: 0n,
      loadErrors: 0n,
      latencySketch: Buffer.from('nothing wrote this'),
      classes: [[1, Number.MAX_SAFE_INTEGER]],
      features: [{ name: 'f', count: 3, mean: 1, m2: 0, min: 1, max: 1, sketch: 'AAAA' }],
    };
    for (const when of ['pending', 'folded']) {
      if (when === 'pending') await plane.database.telemetryPending.createMany({ data: [row, row, row] });
      else await foldAll();
      const at = { params: { project: 'poisoned' } };
      const answer = await other.call('telemetry.totals', { ...at, query: {} });
      expect(answer).toMatchObject({ requests: Number.MAX_SAFE_INTEGER, records: 3, p50Ms: null, features: [] });
      expect(answer.classes).toEqual([{ index: 1, label: '1', count: Number.MAX_SAFE_INTEGER }]);
      expect(answer.leftOut).toBe(Number.MAX_SAFE_INTEGER);
      await other.call('telemetry.series', { ...at, query: {} });
      const { telemetry } = await other.call('overview.get', at);
      expect(telemetry.requestsLastHour).toBe(Number.MAX_SAFE_INTEGER);
    }
  });
});

describe('retention', () => {
  it('deletes raw records and minutes, keeps the sums of hours, and makes no old record new', async () => {
    const device = await enrolled();
    const records = Array.from({ length: 30 }, (_, n) => late(device, 0.5, n));
    await device.push(records);
    await foldAll();
    const query = { from: new Date(Date.now() - 2 * day).toISOString(), device: device.id };
    const before = await totals(query);
    const keep = { ...plane.config.retention, rawDays: 1, minuteDays: 1, auditDays: 1 };
    // As if it were in three days.
    for (const expiry of expiries(keep, new Date(Date.now() + 3 * day))) {
      while ((await deleteBatch(plane.database.pool, expiry)) > 0 && expiry.table !== 'audit_entries');
    }
    expect(await plane.database.telemetryRecord.count()).toBe(0);
    const left = await plane.database.telemetryRollup.groupBy({ by: ['seconds'], where: { scopeId: device.id } });
    expect(left.map(({ seconds }) => seconds)).toEqual([3600]);
    expect(await device.push(records)).toMatchObject({ accepted: 0, duplicates: 30 });
    expect(await totals(query)).toMatchObject({ requests: before.requests, records: 30, errors: before.errors });
    const [entry] = await plane.database.auditEntry.findMany({ where: { action: 'audit.expire' } });
    expect(entry).toMatchObject({ actorKind: 'system', detail: { what: 'audit entries' } });
  });
});

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
