/** Puts implausible records aside: kept for people to look at, counted nowhere. */
import type { FieldError } from '@verge/contracts';
import type { TelemetryRecordReceived } from '@verge/contracts/grpc';
import type { PoolClient } from 'pg';
import { uuid7 } from '../uuid7.js';

export interface SetAside {
  readonly record: TelemetryRecordReceived;
  readonly reasons: readonly FieldError[];
}

/** So many rows of one device are kept; more are counted only, so that a device that lies for ever does not fill the disk. */
const mostRowsPerDevice = 500;

export async function quarantine(
  client: PoolClient,
  source: { readonly deviceId: string; readonly projectId: string },
  spoolId: string,
  records: readonly SetAside[],
): Promise<void> {
  const { rows } = await client.query<{ kept: number }>(
    'SELECT count(*)::int AS kept FROM (SELECT FROM quarantined_records WHERE device_id = $1 LIMIT $2) AS rows',
    [source.deviceId, mostRowsPerDevice],
  );
  const kept = records.slice(0, Math.max(0, mostRowsPerDevice - rows[0]!.kept));
  if (kept.length === 0) return;
  const column = <T>(of: (record: TelemetryRecordReceived) => T): T[] => kept.map(({ record }) => of(record));
  await client.query({
    name: 'telemetry-quarantine',
    text: `INSERT INTO quarantined_records (project_id, device_id, spool_id, id, seq, artifact_digest, start_ms, end_ms,
        requests, errors, caller_errors, load_errors, classes, features, reasons)
      SELECT $1::uuid, $2::uuid, $3, id, seq, digest, start_ms, end_ms, requests, errors, caller_errors, load_errors,
        classes::jsonb, features::jsonb, reasons::jsonb
      FROM unnest($4::uuid[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
        $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[])
        AS t(id, seq, digest, start_ms, end_ms, requests, errors, caller_errors, load_errors, classes, features, reasons)`,
    values: [
      source.projectId,
      source.deviceId,
      spoolId,
      kept.map(() => uuid7()),
      column((r) => r.seq),
      column((r) => r.artifactDigest),
      column((r) => r.startMs),
      column((r) => r.endMs),
      column((r) => r.requests),
      column((r) => r.errors),
      column((r) => r.callerErrors),
      column((r) => r.loadErrors),
      column((r) => JSON.stringify(r.classes.map(({ index, count }) => [index, count]))),
      column((r) =>
        JSON.stringify(r.features.map(({ name, count, mean, min, max }) => ({ name, count, mean, min, max }))),
      ),
      kept.map(({ reasons }) => JSON.stringify(reasons)),
    ],
  });
}
