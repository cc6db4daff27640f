/**
 * Stores a batch of telemetry. Delivery is at least once, counting exactly once: a record is known by (device, spool,
 * seq), the primary key of its row, and records, cursor and counters change in one transaction.
 */
import type { TelemetryBatchReceived, TelemetryRecordReceived } from '@verge/contracts/grpc';
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../database/transaction.js';

export interface TelemetrySource {
  readonly deviceId: string;
  readonly projectId: string;
  readonly groupId: string | null;
}

export interface TelemetryReceipt {
  /** Every record up to this seq is stored. */
  readonly throughSeq: number;
  readonly accepted: number;
  readonly duplicates: number;
}

/** @param batch one that `checkBatch` has nothing against */
export function ingestBatch(
  pool: Pool,
  source: TelemetrySource,
  batch: TelemetryBatchReceived,
): Promise<TelemetryReceipt> {
  return inTransaction(pool, (client) => storeBatch(client, source, batch));
}

async function storeBatch(
  client: PoolClient,
  source: TelemetrySource,
  { spoolId, records, oldestSeq }: TelemetryBatchReceived,
): Promise<TelemetryReceipt> {
  const before = await lockCursor(client, source.deviceId, spoolId);
  // A row that retention has removed since must not be taken for a new one.
  const fresh = firstOfEach(records.filter((record) => record.seq > before));
  const accepted = fresh.length === 0 ? 0 : await insertRecords(client, source, spoolId, fresh);
  const duplicates = records.length - accepted;
  const from = Math.max(before, oldestSeq - 1);
  const { rows } = await client.query<{ through: string }>({
    name: 'telemetry-cursor-advance',
    text: `UPDATE telemetry_cursors SET records = records + $4, duplicates = duplicates + $5, updated_at = now(),
      through_seq = greatest($3::bigint, (
        SELECT max(seq) FROM (
          SELECT seq, seq - row_number() OVER (ORDER BY seq) AS before_run FROM telemetry_records
          WHERE device_id = $1 AND spool_id = $2 AND seq > $3) AS runs
        WHERE before_run = $3))
      WHERE device_id = $1 AND spool_id = $2 RETURNING through_seq AS through`,
    values: [source.deviceId, spoolId, from, accepted, duplicates],
  });
  return { throughSeq: Number(rows[0]!.through), accepted, duplicates };
}

/** The cursor of a spool, locked to the end of the transaction, so that two deliveries of one spool take turns. */
async function lockCursor(client: PoolClient, deviceId: string, spoolId: string): Promise<number> {
  const { rows } = await client.query<{ through: string }>({
    name: 'telemetry-cursor-lock',
    text: `INSERT INTO telemetry_cursors (device_id, spool_id) VALUES ($1, $2)
      ON CONFLICT (device_id, spool_id) DO UPDATE SET updated_at = now() RETURNING through_seq AS through`,
    values: [deviceId, spoolId],
  });
  return Number(rows[0]!.through);
}

function firstOfEach(records: readonly TelemetryRecordReceived[]): TelemetryRecordReceived[] {
  const bySeq = new Map<number, TelemetryRecordReceived>();
  for (const record of records) if (!bySeq.has(record.seq)) bySeq.set(record.seq, record);
  return [...bySeq.values()];
}

/** One statement for all rows: one array a column. */
async function insertRecords(
  client: PoolClient,
  { deviceId, projectId, groupId }: TelemetrySource,
  spoolId: string,
  records: readonly TelemetryRecordReceived[],
): Promise<number> {
  const { rowCount } = await client.query({
    name: 'telemetry-insert',
    text: `INSERT INTO telemetry_records (device_id, spool_id, project_id, group_id, seq, start_at, end_at,
        artifact_digest, requests, errors, caller_errors, load_errors, latency_sketch, classes, features)
      SELECT $1::uuid, $2, $3::uuid, $4::uuid, seq, to_timestamp(start_ms / 1000), to_timestamp(end_ms / 1000),
        digest, requests, errors, caller_errors, load_errors, sketch, classes::jsonb, features::jsonb
      FROM unnest($5::bigint[], $6::float8[], $7::float8[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[],
        $12::bigint[], $13::bytea[], $14::text[], $15::text[])
        AS t(seq, start_ms, end_ms, digest, requests, errors, caller_errors, load_errors, sketch, classes, features)
      ON CONFLICT DO NOTHING`,
    values: [
      deviceId,
      spoolId,
      projectId,
      groupId,
      records.map((r) => r.seq),
      records.map((r) => r.startMs),
      records.map((r) => r.endMs),
      records.map((r) => r.artifactDigest),
      records.map((r) => r.requests),
      records.map((r) => r.errors),
      records.map((r) => r.callerErrors),
      records.map((r) => r.loadErrors),
      records.map((r) => Buffer.from(r.latencySketch)),
      records.map((r) => storedClasses(r)),
      records.map((r) => storedFeatures(r)),
    ],
  });
  return rowCount ?? 0;
}

/** [[index, count], ...] */
export function storedClasses({ classes }: TelemetryRecordReceived): string {
  return JSON.stringify(classes.map(({ index, count }) => [index, count]));
}

/** As in device.proto, the sketch in base64. */
export function storedFeatures({ features }: TelemetryRecordReceived): string {
  return JSON.stringify(features.map((f) => ({ ...f, sketch: Buffer.from(f.sketch).toString('base64') })));
}
