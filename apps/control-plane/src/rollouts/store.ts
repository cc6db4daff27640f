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
  since_ms: bigint | null;
  progress: string | null;
  error_code: string | null;
  error_message: string | null;
  reported_event: ReportedEvent | null;
  reported_code: string | null;
  reported_message: string | null;
  reported_progress: string;
  device_state: 'active' | 'revoked';
  online: boolean;
  moved: boolean;
  active_digest: string | null;
  fallback_digest: string | null;
  acknowledged: boolean;
  superseded: boolean;
}

/**
 * Locks the rollout to the end of the transaction: decisions about one rollout take turns, on every control plane.
 * @returns the time by the database's clock, which all control planes share, in milliseconds; null without the rollout
 */
export async function lockRollout(db: Db, rolloutId: string): Promise<number | null> {
  // The rows that refer to it may still be written meanwhile, so its key is not locked.
  const locked = await db.$queryRaw<unknown[]>`
    SELECT id FROM rollouts WHERE id = ${rolloutId}::uuid FOR NO KEY UPDATE`;
  if (locked.length === 0) return null;
  const [row] = await db.$queryRaw<{ now: Date }[]>`SELECT clock_timestamp() AS now`;
  return row!.now.getTime();
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
  const rows = await readDevices(db, rolloutId);
  const snapshot: RolloutSnapshot = {
    id: rollout.id,
    state: rollout.state,
    reason: rollout.reason,
    gate: Gate.parse(rollout.gate),
    waves: rollout.waves.map(waveOf),
    devices: rows.map(deviceOf),
    finishedAt: millis(rollout.finishedAt),
    clock: Number(rollout.clockMs),
    tickedAt: millis(rollout.tickedAt),
  };
  const observed = new Map(rows.map((row) => [row.device_id, observationOf(row, figures.get(row.device_id))]));
  return { projectId: rollout.projectId, name: rollout.name, snapshot, observed };
}

/**
 * What a device is to go back to is what it was last asked to run, and what it runs when it was never asked: a device that
 * was away when a rollout was reverted still runs what was taken back. Newer rollouts are told by their sequence.
 */
function readDevices(db: Db, rolloutId: string): Promise<DeviceRow[]> {
  return db.$queryRaw<DeviceRow[]>`
    SELECT rd.device_id, rd.wave, rd.state::text AS state, rd.manifest_digest, rd.previous_digest, rd.offered_at,
      rd.updated_at, rd.reverting_at, rd.since_ms, rd.progress, rd.error_code, rd.error_message, rd.reported_event,
      rd.reported_code, rd.reported_message, d.state::text AS device_state, d.active_digest,
      concat_ws(' ', d.update_state, d.progress_bytes) AS reported_progress,
      coalesce(d.online_until > clock_timestamp(), false) AS online,
      d.group_id IS DISTINCT FROM r.group_id AS moved,
      CASE WHEN d.desired_nothing THEN NULL ELSE coalesce(desired.manifest_digest, d.active_digest) END
        AS fallback_digest,
      d.reported_generation >= d.generation AS acknowledged,
      coalesce(newest.sequence > r.sequence, false) AS superseded
    FROM rollout_devices rd
    JOIN rollouts r ON r.id = rd.rollout_id
    JOIN devices d ON d.id = rd.device_id
    LEFT JOIN rollouts newest ON newest.id = d.desired_rollout_id
    LEFT JOIN artifacts desired ON desired.id = d.desired_artifact_id
    WHERE rd.rollout_id = ${rolloutId}::uuid ORDER BY rd.wave, rd.device_id`;
}

function waveOf(row: Prisma.RolloutWaveModel): WaveSnapshot {
  const { index, state } = row;
  return {
    index,
    state,
    startedAt: millis(row.startedAt),
    settledAt: millis(row.settledAt),
    settledClock: row.settledMs === null ? null : Number(row.settledMs),
    finishedAt: millis(row.finishedAt),
  };
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
    sinceClock: row.since_ms === null ? null : Number(row.since_ms),
    progress: row.progress,
    error: errorOf(row.error_code, row.error_message),
  };
}

function observationOf(row: DeviceRow, figures: DeviceFigures | undefined): DeviceObservation {
  return {
    revoked: row.device_state === 'revoked',
    online: row.online,
    moved: row.moved,
    activeDigest: row.active_digest,
    fallbackDigest: row.fallback_digest,
    acknowledged: row.acknowledged,
    superseded: row.superseded,
    event: row.reported_event,
    progress: row.reported_progress,
    error: errorOf(row.reported_code, row.reported_message),
    requests: figures?.requests ?? 0,
    errors: figures?.errors ?? 0,
    baselineRequests: figures?.baselineRequests ?? 0,
    baselineErrors: figures?.baselineErrors ?? 0,
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

/** The rollouts that still wait for something from devices that have just been given another wish. */
export async function rolloutsOvertaken(db: Db, rolloutId: string, deviceIds: readonly string[]): Promise<string[]> {
  if (deviceIds.length === 0) return [];
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT DISTINCT r.id FROM rollout_devices rd JOIN rollouts r ON r.id = rd.rollout_id
    WHERE rd.device_id = ANY(${deviceIds}::uuid[]) AND r.id <> ${rolloutId}::uuid
      AND (rd.state IN ('offered', 'pending', 'updating', 'stalled', 'reverting') OR r.state IN ('running', 'paused'))`;
  return rows.map((row) => row.id);
}

/** A clock that has moved on by less is not written down: the next look moves it on from where it stood. */
const shortestTickMs = 500;

/** Writes what has changed. @returns the devices that did */
export async function saveRollout(db: Db, before: RolloutSnapshot, next: RolloutSnapshot): Promise<string[]> {
  const changed = next.devices.filter((device, i) => !same(before.devices[i], device));
  const wavesChanged = !same(before.waves, next.waves);
  const ruled = before.state !== next.state || before.reason !== next.reason || wavesChanged || changed.length > 0;
  const ticked = before.tickedAt === null || Math.abs(next.tickedAt! - before.tickedAt) >= shortestTickMs;
  if (ruled || (ticked && next.finishedAt === null)) {
    const { state, reason } = next;
    const currentWave = next.waves.findLast((wave) => wave.state !== 'waiting')?.index ?? 0;
    const clock = { clockMs: BigInt(Math.round(next.clock)), tickedAt: instant(next.tickedAt) };
    const data = { state, reason, currentWave, finishedAt: instant(next.finishedAt), ...clock };
    await db.rollout.update({ where: { id: next.id }, data });
  }
  for (const [i, wave] of next.waves.entries()) {
    if (same(before.waves[i], wave)) continue;
    const { state, startedAt, settledAt, settledClock, finishedAt } = wave;
    await db.rolloutWave.update({
      where: { rolloutId_index: { rolloutId: next.id, index: wave.index } },
      data: {
        state,
        startedAt: instant(startedAt),
        settledAt: instant(settledAt),
        settledMs: settledClock === null ? null : BigInt(Math.round(settledClock)),
        finishedAt: instant(finishedAt),
      },
    });
  }
  if (changed.length > 0) await saveDevices(db, next.id, changed);
  return changed.map((device) => device.deviceId);
}

async function saveDevices(db: Db, rolloutId: string, devices: readonly RolloutDeviceSnapshot[]): Promise<void> {
  const column = <T>(of: (device: RolloutDeviceSnapshot) => T): T[] => devices.map(of);
  const ids = column((d) => d.deviceId);
  // Rows are locked in the order of their ids, here and everywhere, so that nobody waits in a circle.
  await db.$queryRaw`SELECT 1 AS locked FROM rollout_devices
    WHERE rollout_id = ${rolloutId}::uuid AND device_id = ANY(${ids}::uuid[]) ORDER BY device_id FOR NO KEY UPDATE`;
  await db.$executeRaw`
    UPDATE rollout_devices SET state = change.state::"RolloutDeviceState", previous_digest = change.previous_digest,
      previous_artifact_id = (SELECT a.id FROM artifacts a JOIN rollouts r ON r.id = ${rolloutId}::uuid
        WHERE a.project_id = r.project_id AND a.manifest_digest = change.previous_digest),
      offered_at = to_timestamp(change.offered_at / 1000), updated_at = to_timestamp(change.updated_at / 1000),
      reverting_at = to_timestamp(change.reverting_at / 1000), since_ms = round(change.since_ms),
      progress = change.progress, error_code = change.error_code, error_message = change.error_message
    FROM unnest(${ids}::uuid[], ${column((d) => d.state)}::text[],
      ${column((d) => d.previousDigest)}::text[], ${column((d) => d.offeredAt)}::float8[],
      ${column((d) => d.updatedAt)}::float8[], ${column((d) => d.revertingAt)}::float8[],
      ${column((d) => d.sinceClock)}::float8[], ${column((d) => d.progress)}::text[],
      ${column((d) => d.error?.code ?? null)}::text[], ${column((d) => d.error?.message ?? null)}::text[])
      AS change(device_id, state, previous_digest, offered_at, updated_at, reverting_at, since_ms, progress,
        error_code, error_message)
    WHERE rollout_id = ${rolloutId}::uuid AND rollout_devices.device_id = change.device_id`;
}

function same(a: object | undefined, b: object): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
