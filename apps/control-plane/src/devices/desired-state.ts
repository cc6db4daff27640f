/** What a device is to run: read for its watch stream, written by rollouts. */
import type { DesiredState } from '@verge/contracts/grpc';
import type { Pool } from 'pg';
import type { Db } from '../database/database.service.js';

/** Topic on which changed devices are announced to every gateway; the payload is their ids. */
export const DESIRED_TOPIC = 'devices.desired';
/** As many identifiers as fit into one NOTIFY. */
const idsPerEvent = 150;

export function announcements(deviceIds: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let i = 0; i < deviceIds.length; i += idsPerEvent) parts.push(deviceIds.slice(i, i + idsPerEvent));
  return parts;
}

export interface DesiredChange {
  readonly deviceId: string;
  readonly artifactId: string | null;
  /** Without an artifact: whether the device is to serve nothing. Otherwise it keeps what runs. */
  readonly nothing: boolean;
}

/**
 * Sets what devices are to run, in the caller's transaction, and bumps their generations. Devices are locked in the order of
 * their ids, so that nobody waits in a circle; one to which a newer rollout has spoken meanwhile is left alone.
 * @returns the devices that were changed
 */
export async function changeDesired(db: Db, rolloutId: string, changes: readonly DesiredChange[]): Promise<string[]> {
  if (changes.length === 0) return [];
  const ids = changes.map((change) => change.deviceId);
  const artifacts = changes.map((change) => change.artifactId);
  const nothing = changes.map((change) => change.nothing);
  await db.$queryRaw`
    SELECT 1 AS locked FROM devices WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR NO KEY UPDATE`;
  const rows = await db.$queryRaw<{ id: string }[]>`
    UPDATE devices SET generation = generation + 1, desired_artifact_id = change.artifact_id,
      desired_nothing = change.nothing, desired_rollout_id = ${rolloutId}::uuid
    FROM unnest(${ids}::uuid[], ${artifacts}::uuid[], ${nothing}::bool[]) AS change(device_id, artifact_id, nothing)
    WHERE devices.id = change.device_id AND devices.state = 'active' AND NOT EXISTS (
      SELECT FROM rollouts newer JOIN rollouts own ON own.id = ${rolloutId}::uuid
      WHERE newer.id = devices.desired_rollout_id AND newer.sequence > own.sequence)
    RETURNING devices.id`;
  return rows.map((row) => row.id);
}

export interface WatchedDevice {
  readonly id: string;
  readonly active: boolean;
  readonly generation: number;
  readonly desired: DesiredState;
}

interface Row {
  id: string;
  state: string;
  generation: string;
  desired_rollout_id: string | null;
  desired_nothing: boolean;
  target_path: string | null;
  manifest_digest: string | null;
  model: string | null;
  version: number | null;
}

export async function readDesired(
  pool: Pool,
  deviceIds: readonly string[],
  reportIntervalSeconds: number,
): Promise<WatchedDevice[]> {
  const { rows } = await pool.query<Row>({
    name: 'devices-desired',
    text: `SELECT d.id, d.state, d.generation, d.desired_rollout_id, d.desired_nothing, a.target_path, a.manifest_digest,
        m.name AS model, v.number AS version
      FROM devices d
      LEFT JOIN artifacts a ON a.id = d.desired_artifact_id
      LEFT JOIN versions v ON v.id = a.version_id
      LEFT JOIN models m ON m.id = v.model_id
      WHERE d.id = ANY($1::uuid[])`,
    values: [deviceIds],
  });
  return rows.map((row) => ({
    id: row.id,
    active: row.state === 'active',
    generation: Number(row.generation),
    desired: desiredOf(row, reportIntervalSeconds),
  }));
}

function desiredOf(row: Row, reportIntervalSeconds: number): DesiredState {
  const target = targetOf(row);
  const serveNothing = target === null && row.desired_nothing;
  return { generation: Number(row.generation), target, reportIntervalSeconds, serveNothing };
}

function targetOf(row: Row): DesiredState['target'] {
  if (row.target_path === null || row.manifest_digest === null || row.model === null || row.version === null) {
    return null;
  }
  const { target_path: path, manifest_digest: manifestDigest, model, version } = row;
  return { path, manifestDigest, model, version, rolloutId: row.desired_rollout_id ?? '' };
}
