/**
 * Reads roll-ups, and with them what is pending: in one statement, so that what is being folded is there once. Raw records
 * are read by nobody.
 */
import type { Pool } from 'pg';
import type { ReadRange } from './ranges.js';
import type { RollupRow } from './rollup.js';
import { scan } from './scan.js';
import type { TelemetryWindow } from './window.js';

export interface ReadRow extends RollupRow {
  readonly at: Date;
  readonly artifact_digest: string;
  /** Of what is pending: the device, and its number once it has one. */
  readonly device_id: string | null;
  readonly ordinal: number | null;
}

/** Counts and latencies are little; classes, features and devices are read only where they are asked for. */
export type Detail = 'figures' | 'all';

const figures = ['records', 'requests', 'errors', 'caller_errors', 'load_errors', 'latency_sketch'];
const details = ['left_out', 'classes', 'features'];
const pendingScopes = { project: 'p.project_id', group: 'p.group_id', device: 'p.device_id' } as const;

export async function readRollups(
  pool: Pool,
  window: TelemetryWindow,
  ranges: readonly ReadRange[],
  detail: Detail,
  each: (row: ReadRow) => void,
): Promise<void> {
  if (window.scopeId === null || ranges.length === 0) return;
  const columns = detail === 'all' ? [...figures, ...details] : figures;
  const values: unknown[] = [window.projectId, window.scopeId, window.artifacts];
  const place = (value: unknown) => `$${values.push(value)}`;
  const artifacts = (of: string) => `($3::text[] IS NULL OR ${of}.artifact_digest = ANY($3::text[]))`;
  const folded = ranges.map(
    ({ seconds, from, to }) => `SELECT r.at, r.artifact_digest, ${columns.map((c) => `r.${c}`).join(', ')},
        ${detail === 'all' ? 'r.devices' : 'NULL::bytea'} AS devices, NULL::uuid AS device_id, NULL::int AS ordinal
      FROM telemetry_rollups r WHERE r.scope_id = $2 AND r.seconds = ${seconds} AND r.at >= ${place(from)}
        AND r.at < ${place(to)} AND r.project_id = $1 AND ${artifacts('r')}`,
  );
  const pending = `SELECT p.at, p.artifact_digest, ${columns.map((c) => `p.${c}`).join(', ')}, NULL::bytea, p.device_id,
      d.ordinal
    FROM telemetry_pending p LEFT JOIN telemetry_devices d ON d.device_id = p.device_id
    WHERE p.project_id = $1 AND ${pendingScopes[window.scope]} = $2 AND p.at >= ${place(ranges[0]!.from)}
      AND p.at < ${place(ranges.at(-1)!.to)} AND ${artifacts('p')}`;
  await scan<ReadRow>(pool, { text: [...folded, pending].join(' UNION ALL '), values }, each);
}
