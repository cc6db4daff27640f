/**
 * Moves what is pending into the roll-ups: rows are taken and roll-ups written in one transaction, so that each is counted
 * once, whenever the process dies. One control plane does so at a time, by a lock of the database; so no two writers ever
 * want the same roll-up.
 */
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../database/transaction.js';
import { numberDevices } from './device-numbers.js';
import { Rollup, type RollupRow } from './rollup.js';

/** So many pending rows are taken at once. */
export const rowsAtATime = 1000;
const foldLock = 0x7665_7267;
const noRollout = '00000000-0000-0000-0000-000000000000';
/** Seconds. Arrivals are what rollouts read: by when it came, in spans of five minutes. */
export const spans = { minute: 60, hour: 3600, arrival: 300 } as const;
export type Scope = 'project' | 'group' | 'device';

interface PendingRow extends RollupRow {
  readonly project_id: string;
  readonly device_id: string;
  readonly group_id: string | null;
  readonly rollout_id: string | null;
  readonly artifact_digest: string;
  readonly at: Date;
  readonly received_at: Date;
}

interface Target {
  readonly scope: Scope;
  readonly scopeId: string;
  readonly projectId: string;
  readonly seconds: number;
  readonly at: Date;
  readonly digest: string;
  readonly sum: Rollup;
}

interface Arrival {
  readonly deviceId: string;
  readonly digest: string;
  readonly rolloutId: string;
  readonly at: Date;
  readonly sum: Rollup;
}

/** @returns how many pending rows were folded; null when another control plane is at it */
export function fold(pool: Pool): Promise<number | null> {
  return inTransaction(pool, async (client) => {
    const lock = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [foldLock]);
    if (!lock.rows[0]!.mine) return null;
    const { rows } = await client.query<PendingRow>({
      name: 'telemetry-pending-take',
      text: `DELETE FROM telemetry_pending WHERE id IN (SELECT id FROM telemetry_pending ORDER BY id LIMIT $1)
        RETURNING project_id, device_id, group_id, rollout_id, artifact_digest, at, received_at, records, requests, errors,
          caller_errors, load_errors, left_out, latency_sketch, classes, features`,
      values: [rowsAtATime],
    });
    if (rows.length === 0) return 0;
    const numbers = await numberDevices(client, rows);
    await foldRollups(client, rows, numbers);
    await foldArrivals(client, rows);
    return rows.length;
  });
}

async function foldRollups(
  client: PoolClient,
  rows: readonly PendingRow[],
  numbers: ReadonlyMap<string, number>,
): Promise<void> {
  const targets = new Map<string, Target>();
  for (const row of rows) {
    for (const [scope, scopeId] of scopesOf(row)) {
      for (const seconds of [spans.minute, spans.hour]) {
        const at = floor(row.at, seconds);
        const key = keyOf(scopeId, seconds, at, row.artifact_digest);
        const { project_id: projectId, artifact_digest: digest } = row;
        const target = targets.get(key) ?? { scope, scopeId, projectId, seconds, at, digest, sum: new Rollup() };
        targets.set(key, target);
        target.sum.add(row);
        if (scope !== 'device') target.sum.devices.add(numbers.get(row.device_id)!);
      }
    }
  }
  await addStored(client, targets);
  await saveRollups(client, [...targets.values()]);
}

function scopesOf(row: PendingRow): [Scope, string][] {
  const scopes: [Scope, string][] = [
    ['project', row.project_id],
    ['device', row.device_id],
  ];
  if (row.group_id !== null) scopes.push(['group', row.group_id]);
  return scopes;
}

async function addStored(client: PoolClient, targets: ReadonlyMap<string, Target>): Promise<void> {
  const all = [...targets.values()];
  type Stored = RollupRow & { scope_id: string; seconds: number; at: Date; artifact_digest: string };
  const { rows } = await client.query<Stored>({
    name: 'telemetry-rollups-stored',
    text: `SELECT r.* FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[]) AS k(scope_id, seconds, at, digest)
      JOIN telemetry_rollups r ON r.scope_id = k.scope_id AND r.seconds = k.seconds AND r.at = k.at
        AND r.artifact_digest = k.digest`,
    values: [all.map((t) => t.scopeId), all.map((t) => t.seconds), all.map((t) => t.at), all.map((t) => t.digest)],
  });
  for (const row of rows) targets.get(keyOf(row.scope_id, row.seconds, row.at, row.artifact_digest))!.sum.add(row);
}

async function saveRollups(client: PoolClient, targets: readonly Target[]): Promise<void> {
  await client.query({
    name: 'telemetry-rollups-save',
    text: `INSERT INTO telemetry_rollups (scope, scope_id, project_id, seconds, at, artifact_digest, records, requests, errors,
        caller_errors, load_errors, left_out, latency_sketch, classes, features, devices)
      SELECT scope, scope_id, project_id, seconds, at, digest, records, requests, errors, caller_errors, load_errors, left_out,
        sketch, classes::jsonb, features::jsonb, devices
      FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int[], $5::timestamptz[], $6::text[], $7::numeric[], $8::numeric[],
        $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::bytea[], $14::text[], $15::text[], $16::bytea[])
        AS t(scope, scope_id, project_id, seconds, at, digest, records, requests, errors, caller_errors, load_errors,
          left_out, sketch, classes, features, devices)
      ON CONFLICT (scope_id, seconds, at, artifact_digest) DO UPDATE SET records = EXCLUDED.records,
        requests = EXCLUDED.requests, errors = EXCLUDED.errors, caller_errors = EXCLUDED.caller_errors,
        load_errors = EXCLUDED.load_errors, left_out = EXCLUDED.left_out, latency_sketch = EXCLUDED.latency_sketch,
        classes = EXCLUDED.classes, features = EXCLUDED.features, devices = EXCLUDED.devices`,
    values: [
      targets.map((t) => t.scope),
      targets.map((t) => t.scopeId),
      targets.map((t) => t.projectId),
      targets.map((t) => t.seconds),
      targets.map((t) => t.at),
      targets.map((t) => t.digest),
      ...countColumns(targets),
      targets.map(({ sum }) => Buffer.from(sum.latency.encode())),
      targets.map(({ sum }) => sum.storedClasses()),
      targets.map(({ sum }) => sum.storedFeatures()),
      targets.map(({ sum }) => Buffer.from(sum.devices.encode())),
    ],
  });
}

/** Sums by when they came and which rollout had spoken last: what a rollout is judged by. */
async function foldArrivals(client: PoolClient, rows: readonly PendingRow[]): Promise<void> {
  const arrivals = new Map<string, Arrival>();
  for (const row of rows) {
    const at = floor(row.received_at, spans.arrival);
    const { device_id: deviceId, artifact_digest: digest } = row;
    const rolloutId = row.rollout_id ?? noRollout;
    const key = `${deviceId} ${digest} ${rolloutId} ${at.getTime()}`;
    const arrival = arrivals.get(key) ?? { deviceId, digest, rolloutId, at, sum: new Rollup() };
    arrivals.set(key, arrival);
    arrival.sum.add({ ...row, classes: [], features: [] });
  }
  const all = [...arrivals.values()];
  const keys = [
    all.map((a) => a.deviceId),
    all.map((a) => a.digest),
    all.map((a) => a.rolloutId),
    all.map((a) => a.at),
  ];
  const stored = await client.query<RollupRow & { n: string }>({
    name: 'telemetry-arrivals-stored',
    text: `SELECT k.n, a.* FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[])
        WITH ORDINALITY AS k(device_id, digest, rollout_id, at, n)
      JOIN telemetry_arrivals a ON a.device_id = k.device_id AND a.artifact_digest = k.digest
        AND a.rollout_id = k.rollout_id AND a.at = k.at`,
    values: keys,
  });
  for (const row of stored.rows) all[Number(row.n) - 1]!.sum.add(row);
  await client.query({
    name: 'telemetry-arrivals-save',
    text: `INSERT INTO telemetry_arrivals (device_id, artifact_digest, rollout_id, at, records, requests, errors, caller_errors,
        load_errors, latency_sketch)
      SELECT device_id, digest, rollout_id, at, records, requests, errors, caller_errors, load_errors, sketch
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::numeric[], $6::numeric[], $7::numeric[],
        $8::numeric[], $9::numeric[], $10::bytea[])
        AS t(device_id, digest, rollout_id, at, records, requests, errors, caller_errors, load_errors, sketch)
      ON CONFLICT (device_id, artifact_digest, rollout_id, at) DO UPDATE SET records = EXCLUDED.records,
        requests = EXCLUDED.requests, errors = EXCLUDED.errors, caller_errors = EXCLUDED.caller_errors,
        load_errors = EXCLUDED.load_errors, latency_sketch = EXCLUDED.latency_sketch`,
    values: [...keys, ...countColumns(all).slice(0, 5), all.map(({ sum }) => Buffer.from(sum.latency.encode()))],
  });
}

function countColumns(all: readonly { readonly sum: Rollup }[]): bigint[][] {
  const names = ['records', 'requests', 'errors', 'callerErrors', 'loadErrors', 'leftOut'] as const;
  return names.map((name) => all.map(({ sum }) => sum.counts[name]));
}

function keyOf(scopeId: string, seconds: number, at: Date, digest: string): string {
  return `${scopeId} ${seconds} ${at.getTime()} ${digest}`;
}

export function floor(at: Date, seconds: number): Date {
  const ms = seconds * 1000;
  return new Date(Math.floor(at.getTime() / ms) * ms);
}
