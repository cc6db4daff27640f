/** What eight viewers wait for the overview, totals and series at 20,000 devices, against a scan of the 5 million raw records. */
import type { Client } from '@verge/contracts';
import { createSketch, encodeSketch, SketchSum } from '@verge/contracts/sketch';
import { Client as PgClient } from 'pg';
import { withControlPlane } from './_control-plane.js';
import type { Row } from './_row.js';

const DEVICES = 20_000;
const GROUPS = 20;
/** Minutes of telemetry, two records a device in each: 5 million. */
const MINUTES = 125;
const VIEWERS = 8;
const ROUNDS = 15;
/** Questions before those that are timed: a control plane that has just been started still compiles its code. */
const WARM_UP = 20;
/** Milliseconds that a viewer may wait. */
const MOST = 50;
const artifacts = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);

/** Nothing is deleted meanwhile. */
const keep = { VERGE_TELEMETRY_RAW_DAYS: '0', VERGE_TELEMETRY_MINUTE_DAYS: '0' };

export const run = (): Promise<Row[]> =>
  withControlPlane(keep, async ({ plane, api }) => {
    const db = new PgClient({ connectionString: plane.databaseUrl });
    await db.connect();
    try {
      return await measured(db, api);
    } finally {
      await db.end();
    }
  });

async function measured(db: PgClient, api: Client): Promise<Row[]> {
  const project = await api.call('projects.create', { body: { slug: 'bench', name: 'bench' } });
  const first = new Date(Math.floor(Date.now() / 60_000) * 60_000 - (MINUTES - 1) * 60_000);
  await fill(db, project.id, first);
  const raw = await rawScan(db, project.id);
  const rows: Row[] = [];
  for (const [name, ask] of Object.entries(questions)) {
    for (let i = 0; i < WARM_UP; i++) await ask(api);
    const times = await timesOf(api, ask);
    const work = `${name}: ${VIEWERS} viewers at once, ${DEVICES} devices, ${DEVICES * MINUTES * 2} records; median`;
    const ours = quantile(times, 0.5);
    rows.push({
      work,
      unit: 'ms',
      ours,
      peer: raw,
      peerName: 'scan of raw rows',
      ratio: raw / ours,
      bar: raw / MOST,
      ok: ours <= MOST,
    });
  }
  return rows;
}

const params = { project: 'bench' };
const questions: Record<string, (api: Client) => Promise<unknown>> = {
  overview: (api) => api.call('overview.get', { params }),
  totals: (api) => api.call('telemetry.totals', { params, query: {} }),
  series: (api) => api.call('telemetry.series', { params, query: {} }),
  'totals of a group': (api) => api.call('telemetry.totals', { params, query: { group: 'group-1' } }),
};

/** Each viewer asks again as soon as it was answered. */
async function timesOf(api: Client, ask: (api: Client) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: VIEWERS }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const start = performance.now();
        await ask(api);
        times.push(performance.now() - start);
      }
    }),
  );
  return times;
}

function quantile(values: readonly number[], q: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * q)]!;
}

/** What the same totals cost without roll-ups, before a single sketch is merged: counts of the last hour, from the rows. */
async function rawScan(db: PgClient, projectId: string): Promise<number> {
  const start = performance.now();
  await db.query(
    `SELECT sum(requests), sum(errors), count(DISTINCT device_id), sum(length(latency_sketch)) FROM telemetry_records
     WHERE project_id = $1 AND start_at >= now() - interval '1 hour'`,
    [projectId],
  );
  return performance.now() - start;
}

/** One record of each device and half minute, and the sums that folding them gives; all records hold the same sketch. */
async function fill(db: PgClient, projectId: string, first: Date): Promise<void> {
  const one = sketchOf(1);
  const feature = (n: number) =>
    JSON.stringify([
      {
        name: 'brightness',
        count: 50 * n,
        mean: 0.5,
        m2: 2 * n,
        min: 0,
        max: 1,
        sketch: sketchOf(n).toString('base64'),
      },
    ]);
  const classes = (n: number) => JSON.stringify(Array.from({ length: 10 }, (_, index) => [index, 5 * n]));
  await db.query(`INSERT INTO groups (id, project_id, name)
    SELECT ('00000000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, '${projectId}', 'group-' || n
    FROM generate_series(0, ${GROUPS - 1}) AS n`);
  await db.query(
    `INSERT INTO devices (id, project_id, name, device_class, group_id, certificate_expires_at, active_digest)
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '${projectId}', 'device-' || n, 'x64',
      ('00000000-0000-7000-8001-' || lpad(to_hex(n % ${GROUPS}), 12, '0'))::uuid, now() + interval '30 days',
      ($1::text[])[1 + n % 2]
    FROM generate_series(0, ${DEVICES - 1}) AS n`,
    [artifacts],
  );
  // Indexes are made when the rows are there: filled one by one they would take most of an hour.
  await db.query('ALTER TABLE telemetry_records DROP CONSTRAINT telemetry_records_pkey');
  await db.query('DROP INDEX telemetry_records_received_at_idx, telemetry_rollups_scope_seconds_at_idx');
  await db.query('ALTER TABLE telemetry_rollups DROP CONSTRAINT telemetry_rollups_pkey');
  await db.query('CREATE TEMP TABLE fleet AS SELECT id, group_id, active_digest AS digest FROM devices');
  await db.query(
    `INSERT INTO telemetry_cursors (device_id, spool_id, through_seq) SELECT id, 'spool', ${2 * MINUTES} FROM fleet`,
  );
  await db.query(
    `INSERT INTO telemetry_records (device_id, spool_id, seq, project_id, group_id, artifact_digest, start_at, end_at, requests,
       errors, latency_sketch, classes, features)
     SELECT id, 'spool', n, '${projectId}', group_id, digest, $1::timestamptz + (n - 1) * interval '30 s',
       $1::timestamptz + n * interval '30 s', 50, 0, $2, $3::jsonb, $4::jsonb
     FROM generate_series(1, ${2 * MINUTES}) AS n, fleet`,
    [first, one, classes(1), feature(1)],
  );
  for (const seconds of [60, 3600]) {
    for (const [at, minutes] of spansOf(first, seconds)) {
      const n = 2 * minutes;
      const values = (members: number) => {
        const records = n * members;
        return [at, seconds, records, 50 * records, sketchOf(records), classes(records), feature(records)];
      };
      const columns = `(scope, scope_id, project_id, seconds, at, artifact_digest, records, requests, errors, caller_errors,
        load_errors, left_out, latency_sketch, classes, features, devices)`;
      const sums = '$3::numeric, $4::numeric, 0, 0, 0, 0, $5::bytea, $6::jsonb, $7::jsonb';
      const into = (scope: string, id: string) => `INSERT INTO telemetry_rollups ${columns}
        ${scope === 'device' ? 'SELECT' : 'SELECT DISTINCT'} '${scope}', ${id}, '${projectId}'::uuid, $2::int, $1::timestamptz, digest, ${sums}, $8::bytea FROM fleet`;
      await db.query(into('device', 'id'), [...values(1), Buffer.alloc(0)]);
      await db.query(into('group', 'group_id'), [...values(DEVICES / GROUPS), Buffer.alloc(DEVICES / 8, 1)]);
      const everyOther = Buffer.alloc(DEVICES / 8, 0x55);
      await db.query(into('project', `'${projectId}'::uuid`), [...values(DEVICES / artifacts.length), everyOther]);
    }
  }
  await db.query('CREATE INDEX ON telemetry_records (project_id, start_at)');
  await db.query('ALTER TABLE telemetry_rollups ADD PRIMARY KEY (scope_id, seconds, at, artifact_digest)');
  await db.query('CREATE INDEX ON telemetry_rollups (scope, seconds, at)');
  await db.query('VACUUM ANALYZE');
  // The gigabytes of the fill are written out now: otherwise the first questions would wait beside that writing.
  await db.query('CHECKPOINT');
}

/** The spans that the minutes fall into, and how many minutes each holds. */
function spansOf(first: Date, seconds: number): Map<Date, number> {
  const spans = new Map<number, number>();
  for (let minute = 0; minute < MINUTES; minute++) {
    const ms = first.getTime() + minute * 60_000;
    const at = ms - (ms % (seconds * 1000));
    spans.set(at, (spans.get(at) ?? 0) + 1);
  }
  return new Map([...spans].map(([at, minutes]) => [new Date(at), minutes]));
}

const sketches = new Map<number, Buffer>();

/** The sum of n windows of 50 requests, their latencies over two decades. */
function sketchOf(n: number): Buffer {
  const known = sketches.get(n);
  if (known) return known;
  const sketch = createSketch();
  for (let i = 0; i < 50; i++) sketch.accept(1 + ((i * 7919) % 100), n);
  const bytes = Buffer.from(encodeSketch(sketch));
  // What the control plane stores is what its own sums write.
  const stored = Buffer.from(new SketchSum().add(bytes).encode());
  sketches.set(n, stored);
  return stored;
}
