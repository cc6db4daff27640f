/**
 * What a batch adds to the roll-ups: one row for each artifact and minute, written in the transaction that stores the
 * records. Writers never meet there, as they would at a row of the whole project; `fold` takes the rows from there.
 */
import type { TelemetryRecordReceived } from '@verge/contracts/grpc';
import type { PoolClient } from 'pg';
import { Rollup } from './rollup.js';

export interface PendingSource {
  readonly deviceId: string;
  readonly projectId: string;
  readonly groupId: string | null;
  /** The rollout that spoke last to the device. */
  readonly rolloutId: string | null;
}

const minuteMs = 60_000;

interface Part {
  readonly digest: string;
  readonly minuteMs: number;
  readonly sum: Rollup;
}

export async function addPending(
  client: PoolClient,
  source: PendingSource,
  records: readonly TelemetryRecordReceived[],
): Promise<void> {
  const parts = partsOf(records);
  const column = <T>(of: (part: Part) => T): T[] => parts.map(of);
  await client.query({
    name: 'telemetry-pending',
    text: `INSERT INTO telemetry_pending (project_id, device_id, group_id, rollout_id, artifact_digest, at, records, requests,
        errors, caller_errors, load_errors, left_out, latency_sketch, classes, features)
      SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid, digest, to_timestamp(at_ms / 1000), records, requests, errors,
        caller_errors, load_errors, left_out, sketch, classes::jsonb, features::jsonb
      FROM unnest($5::text[], $6::float8[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
        $12::bigint[], $13::bytea[], $14::text[], $15::text[])
        AS t(digest, at_ms, records, requests, errors, caller_errors, load_errors, left_out, sketch, classes, features)`,
    values: [
      source.projectId,
      source.deviceId,
      source.groupId,
      source.rolloutId,
      column((part) => part.digest),
      column((part) => part.minuteMs),
      column(({ sum }) => sum.counts.records),
      column(({ sum }) => sum.counts.requests),
      column(({ sum }) => sum.counts.errors),
      column(({ sum }) => sum.counts.callerErrors),
      column(({ sum }) => sum.counts.loadErrors),
      column(({ sum }) => sum.counts.leftOut),
      column(({ sum }) => Buffer.from(sum.latency.encode())),
      column(({ sum }) => sum.storedClasses()),
      column(({ sum }) => sum.storedFeatures()),
    ],
  });
}

function partsOf(records: readonly TelemetryRecordReceived[]): Part[] {
  const parts = new Map<string, Part>();
  for (const record of records) {
    const minute = Math.floor(record.startMs / minuteMs) * minuteMs;
    const key = `${minute} ${record.artifactDigest}`;
    const part = parts.get(key) ?? { digest: record.artifactDigest, minuteMs: minute, sum: new Rollup() };
    parts.set(key, part);
    part.sum.add({
      records: '1',
      requests: String(record.requests),
      errors: String(record.errors),
      caller_errors: String(record.callerErrors),
      load_errors: String(record.loadErrors),
      latency_sketch: record.latencySketch,
      classes: record.classes.map(({ index, count }) => [index, count] as const),
      features: record.features.map((f) => ({ ...f, sketch: Buffer.from(f.sketch).toString('base64') })),
    });
  }
  return [...parts.values()];
}
