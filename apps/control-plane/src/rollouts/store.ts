/** A rollout between the database and the decision. */
import { Gate } from '@verge/contracts';
import type { Db } from '../database/database.service.js';
import type { Prisma } from '../database/database.service.js';
import type { DeviceFigures } from './figures.js';
import type { ReportedEvent } from './report-event.js';
import type { DeviceObservation, RolloutDeviceSnapshot, RolloutSnapshot, WaveSnapshot } from './snapshot.js';

export interface LoadedRollout {
  readonly projectId: string;
  readonly name: string;
  readonly snapshot: RolloutSnapshot;
  readonly observed: ReadonlyMap<string, DeviceObservation>;
}

interface DeviceRow {
  device_id: string;
  wave: number;
  state: RolloutDeviceSnapshot['state'];
  manifest_digest: string | null;
  previous_digest: string | null;
  offered_at: Date | null;
  updated_at: Date | null;
  reverting_at: Date | null;
  error_code: string | null;
  error_message: string | null;
  reported_event: ReportedEvent | null;
  reported_code: string | null;
  reported_message: string | null;
  device_state: 'active' | 'revoked';
  active_digest: string | null;
  fallback_digest: string | null;
  acknowledged: boolean;
  superseded: boolean;
}

/** Locks the rollout to the end of the transaction: decisions about one rollout take turns, on every control plane. */
export async function lockRollout(db: Db, rolloutId: string): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`SELECT id FROM rollouts WHERE id = ${rolloutId}::uuid FOR UPDATE`;
  return rows.length > 0;
}

export async function loadRollout(
  db: Db,
  rolloutId: string,
  figures: ReadonlyMap<string, DeviceFigures>,
): Promise<LoadedRollout> {
  const rollout = await db.rollout.findUniqueOrThrow({
    where: { id: rolloutId },
    include: { waves: { orderBy: { index: 'asc' } } },
  });
  // What the device is to go back to: what it runs, if that is an artifact of ours, else what it was last asked to run.
  const rows = await db.$queryRaw<DeviceRow[]>`
    SELECT rd.device_id, rd.wave, rd.state::text AS state, rd.manifest_digest, rd.previous_digest, rd.offered_at,
      rd.updated_at, rd.reverting_at, rd.error_code, rd.error_message, rd.reported_event, rd.reported_code,
      rd.reported_message, d.state::text AS device_state, d.active_digest,
      coalesce(running.manifest_digest, desired.manifest_digest) AS fallback_digest,
      d.reported_generation >= d.generation AS acknowledged,
      rd.offered_at IS NOT NULL AND d.desired_rollout_id IS DISTINCT FROM rd.rollout_id AS superseded
    FROM rollout_devices rd
    JOIN devices d ON d.id = rd.device_id
    LEFT JOIN artifacts desired ON desired.id = d.desired_artifact_id
    LEFT JOIN artifacts running ON running.project_id = d.project_id AND running.manifest_digest = d.active_digest
    WHERE rd.rollout_id = ${rolloutId}::uuid ORDER BY rd.wave, rd.device_id`;
  const snapshot: RolloutSnapshot = {
    id: rollout.id,
    state: rollout.state,
    reason: rollout.reason,
    gate: Gate.parse(rollout.gate),
    waves: rollout.waves.map(waveOf),
    devices: rows.map(deviceOf),
    finishedAt: millis(rollout.finishedAt),
  };
  const observed = new Map(rows.map((row) => [row.device_id, observationOf(row, figures.get(row.device_id))]));
  return { projectId: rollout.projectId, name: rollout.name, snapshot, observed };
}

function waveOf(row: Prisma.RolloutWaveModel): WaveSnapshot {
  const { index, state } = row;
  const { startedAt, settledAt, finishedAt } = row;
  return { index, state, startedAt: millis(startedAt), settledAt: millis(settledAt), finishedAt: millis(finishedAt) };
}

function deviceOf(row: DeviceRow): RolloutDeviceSnapshot {
  return {
    deviceId: row.device_id,
    wave: row.wave,
    state: row.state,
    manifestDigest: row.manifest_digest,
    previousDigest: row.previous_digest,
    offeredAt: millis(row.offered_at),
    updatedAt: millis(row.updated_at),
    revertingAt: millis(row.reverting_at),
    error: errorOf(row.error_code, row.error_message),
  };
}

function observationOf(row: DeviceRow, figures: DeviceFigures | undefined): DeviceObservation {
  return {
    revoked: row.device_state === 'revoked',
    activeDigest: row.active_digest,
    fallbackDigest: row.fallback_digest,
    acknowledged: row.acknowledged,
    superseded: row.superseded,
    event: row.reported_event,
    error: errorOf(row.reported_code, row.reported_message),
    requests: figures?.requests ?? 0,
    errors: figures?.errors ?? 0,
    p50Ms: figures?.p50Ms ?? null,
    baselineP50Ms: figures?.baselineP50Ms ?? null,
  };
}

function errorOf(code: string | null, message: string | null): RolloutDeviceSnapshot['error'] {
  return code === null ? null : { code, message: message ?? '' };
}

function millis(at: Date | null): number | null {
  return at === null ? null : at.getTime();
}

function instant(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

/** Writes what has changed. @returns the devices that did */
export async function saveRollout(db: Db, before: RolloutSnapshot, next: RolloutSnapshot): Promise<string[]> {
  const current = next.waves.findLast((wave) => wave.state !== 'waiting')?.index ?? 0;
  if (before.state !== next.state || before.reason !== next.reason || !same(before.waves, next.waves)) {
    const { state, reason } = next;
    const data = { state, reason, currentWave: current, finishedAt: instant(next.finishedAt) };
    await db.rollout.update({ where: { id: next.id }, data });
  }
  for (const [i, wave] of next.waves.entries()) {
    if (same(before.waves[i], wave)) continue;
    const { state, startedAt, settledAt, finishedAt } = wave;
    await db.rolloutWave.update({
      where: { rolloutId_index: { rolloutId: next.id, index: wave.index } },
      data: { state, startedAt: instant(startedAt), settledAt: instant(settledAt), finishedAt: instant(finishedAt) },
    });
  }
  const changed = next.devices.filter((device, i) => !same(before.devices[i], device));
  if (changed.length > 0) await saveDevices(db, next.id, changed);
  return changed.map((device) => device.deviceId);
}

async function saveDevices(db: Db, rolloutId: string, devices: readonly RolloutDeviceSnapshot[]): Promise<void> {
  const column = <T>(of: (device: RolloutDeviceSnapshot) => T): T[] => devices.map(of);
  await db.$executeRaw`
    UPDATE rollout_devices SET state = change.state::"RolloutDeviceState", previous_digest = change.previous_digest,
      previous_artifact_id = (SELECT a.id FROM artifacts a JOIN rollouts r ON r.id = ${rolloutId}::uuid
        WHERE a.project_id = r.project_id AND a.manifest_digest = change.previous_digest),
      offered_at = to_timestamp(change.offered_at / 1000), updated_at = to_timestamp(change.updated_at / 1000),
      reverting_at = to_timestamp(change.reverting_at / 1000), error_code = change.error_code,
      error_message = change.error_message
    FROM unnest(${column((d) => d.deviceId)}::uuid[], ${column((d) => d.state)}::text[],
      ${column((d) => d.previousDigest)}::text[], ${column((d) => d.offeredAt)}::float8[],
      ${column((d) => d.updatedAt)}::float8[], ${column((d) => d.revertingAt)}::float8[],
      ${column((d) => d.error?.code ?? null)}::text[], ${column((d) => d.error?.message ?? null)}::text[])
      AS change(device_id, state, previous_digest, offered_at, updated_at, reverting_at, error_code, error_message)
    WHERE rollout_id = ${rolloutId}::uuid AND rollout_devices.device_id = change.device_id`;
}

function same(a: object | undefined, b: object): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
