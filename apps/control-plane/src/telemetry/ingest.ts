/**
 * Stores a batch of telemetry. Delivery is at least once, counting exactly once: a record is known by (device, spool,
 * seq). Records, what they add to the roll-ups, what is set aside, and the cursor that knows them change in one transaction.
 */
import type { TelemetryBatchReceived, TelemetryRecordReceived } from '@verge/contracts/grpc';
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../database/transaction.js';
import { invalidArgument } from '../gateway/status.js';
import type { KnownArtifacts } from './known-artifacts.js';
import type { PendingSource } from './pending.js';
import { addPending } from './pending.js';
import type { PlausibleLimits } from './plausible.js';
import { implausible } from './plausible.js';
import type { SetAside } from './quarantine.js';
import { quarantine } from './quarantine.js';
import type { Run, Settled } from './settled.js';
import { mostRuns, settle } from './settled.js';

export interface TelemetrySource extends PendingSource {
  readonly enrolledAt: Date;
}

export interface TelemetryReceipt {
  /** Every record up to this seq is counted or set aside. */
  readonly throughSeq: number;
  readonly accepted: number;
  readonly duplicates: number;
  /** Set aside as implausible. */
  readonly quarantined: number;
}

export interface Ingest {
  readonly pool: Pool;
  readonly limits: PlausibleLimits;
  readonly artifacts: KnownArtifacts;
}

/**
 * @param batch one that `checkBatch` has nothing against
 * @throws GatewayError INVALID_ARGUMENT for a spool with more gaps than are kept track of
 */
export function ingestBatch(
  ingest: Ingest,
  source: TelemetrySource,
  batch: TelemetryBatchReceived,
): Promise<TelemetryReceipt> {
  return inTransaction(ingest.pool, (client) => storeBatch(ingest, client, source, batch));
}

async function storeBatch(
  ingest: Ingest,
  client: PoolClient,
  source: TelemetrySource,
  { spoolId, records, oldestSeq }: TelemetryBatchReceived,
): Promise<TelemetryReceipt> {
  const before = await lockCursor(client, source.deviceId, spoolId);
  const { fresh, after } = settle(
    before,
    oldestSeq,
    records.map(({ seq }) => seq),
  );
  if (after.ahead.length > mostRuns) {
    const detail = `expected at most ${mostRuns} gaps in a spool; oldest_seq says which records are no longer there`;
    throw invalidArgument([{ field: 'records', detail }]);
  }
  const bySeq = new Map(records.toReversed().map((record) => [record.seq, record] as const));
  const { plausible, aside } = await judge(
    ingest,
    client,
    source,
    fresh.map((seq) => bySeq.get(seq)!),
  );
  if (plausible.length > 0) {
    await insertRecords(client, source, spoolId, plausible);
    await addPending(client, source, plausible);
  }
  if (aside.length > 0) await quarantine(client, source, spoolId, aside);
  const receipt = {
    throughSeq: after.through,
    accepted: plausible.length,
    duplicates: records.length - fresh.length,
    quarantined: aside.length,
  };
  await advanceCursor(client, source.deviceId, spoolId, after, receipt);
  return receipt;
}

async function judge(
  { limits, artifacts }: Ingest,
  client: PoolClient,
  { deviceId, enrolledAt }: TelemetrySource,
  records: readonly TelemetryRecordReceived[],
): Promise<{ plausible: TelemetryRecordReceived[]; aside: SetAside[] }> {
  const digests = records.map((record) => record.artifactDigest);
  const foreignArtifacts = await artifacts.foreign(client, deviceId, digests);
  const context = { limits, nowMs: Date.now(), enrolledAtMs: enrolledAt.getTime(), foreignArtifacts };
  const plausible: TelemetryRecordReceived[] = [];
  const aside: SetAside[] = [];
  for (const record of records) {
    const reasons = implausible(record, context);
    if (reasons.length === 0) plausible.push(record);
    else aside.push({ record, reasons });
  }
  return { plausible, aside };
}

/** The cursor of a spool, locked to the end of the transaction, so that two deliveries of one spool take turns. */
async function lockCursor(client: PoolClient, deviceId: string, spoolId: string): Promise<Settled> {
  const { rows } = await client.query<{ through: string; ahead: string[] | null }>({
    name: 'telemetry-cursor-lock',
    text: `INSERT INTO telemetry_cursors (device_id, spool_id) VALUES ($1, $2)
      ON CONFLICT (device_id, spool_id) DO UPDATE SET updated_at = now() RETURNING through_seq AS through, ahead`,
    values: [deviceId, spoolId],
  });
  const { through, ahead } = rows[0]!;
  const edges = (ahead ?? []).map(Number);
  const runs = edges.flatMap((first, i): Run[] => (i % 2 === 0 ? [[first, edges[i + 1]!]] : []));
  return { through: Number(through), ahead: runs };
}

async function advanceCursor(
  client: PoolClient,
  deviceId: string,
  spoolId: string,
  { through, ahead }: Settled,
  { accepted, duplicates, quarantined }: TelemetryReceipt,
): Promise<void> {
  await client.query({
    name: 'telemetry-cursor-advance',
    text: `UPDATE telemetry_cursors SET through_seq = $3, ahead = $4, records = records + $5,
        duplicates = duplicates + $6, quarantined = quarantined + $7, updated_at = now()
      WHERE device_id = $1 AND spool_id = $2`,
    values: [deviceId, spoolId, through, ahead.flat(), accepted, duplicates, quarantined],
  });
}

/** One statement for all rows: one array a column. */
async function insertRecords(
  client: PoolClient,
  { deviceId, projectId, groupId }: TelemetrySource,
  spoolId: string,
  records: readonly TelemetryRecordReceived[],
): Promise<void> {
  await client.query({
    name: 'telemetry-insert',
    text: `INSERT INTO telemetry_records (device_id, spool_id, project_id, group_id, seq, start_at, end_at,
        artifact_digest, requests, errors, caller_errors, load_errors, latency_sketch, classes, features)
      SELECT $1::uuid, $2, $3::uuid, $4::uuid, seq, to_timestamp(start_ms / 1000), to_timestamp(end_ms / 1000),
        digest, requests, errors, caller_errors, load_errors, sketch, classes::jsonb, features::jsonb
      FROM unnest($5::bigint[], $6::float8[], $7::float8[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[],
        $12::bigint[], $13::bytea[], $14::text[], $15::text[])
        AS t(seq, start_ms, end_ms, digest, requests, errors, caller_errors, load_errors, sketch, classes, features)`,
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
}

/** [[index, count], ...] */
export function storedClasses({ classes }: TelemetryRecordReceived): string {
  return JSON.stringify(classes.map(({ index, count }) => [index, count]));
}

/** As in device.proto, the sketch in base64. */
export function storedFeatures({ features }: TelemetryRecordReceived): string {
  return JSON.stringify(features.map((f) => ({ ...f, sketch: Buffer.from(f.sketch).toString('base64') })));
}
