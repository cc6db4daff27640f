import type { Rollout as RolloutView, RolloutDevice as RolloutDeviceView } from '@verge/contracts';
import { Gate, RolloutDeviceStateName } from '@verge/contracts';
import type { Prisma } from '../database/database.service.js';
import type { DeviceFigures } from './figures.js';
import { earlierErrorRate, median } from './gate.js';

export const rolloutInclude = {
  release: true,
  version: { include: { model: true } },
  group: true,
  waves: { orderBy: { index: 'asc' } },
} as const;
export type RolloutRow = Prisma.RolloutGetPayload<{ include: typeof rolloutInclude }>;
export const rolloutDeviceInclude = { device: true } as const;
export type RolloutDeviceRow = Prisma.RolloutDeviceGetPayload<{ include: typeof rolloutDeviceInclude }>;

/** What the view of a rollout needs of its devices. */
export interface RolloutMember {
  readonly deviceId: string;
  readonly wave: number;
  readonly state: RolloutDeviceView['state'];
  readonly sentBytes: bigint;
  readonly sentFileBytes: bigint;
}

type Figures = ReadonlyMap<string, DeviceFigures>;

export function presentRollout(row: RolloutRow, members: readonly RolloutMember[], figures: Figures): RolloutView {
  const gate = Gate.parse(row.gate);
  const counts = Object.fromEntries(RolloutDeviceStateName.options.map((state) => [state, 0])) as RolloutView['counts'];
  for (const member of members) counts[member.state]++;
  return {
    id: row.id,
    name: row.name,
    releaseId: row.releaseId,
    release: row.release.name,
    model: row.version.model.name,
    version: row.version.number,
    group: row.group.name,
    waves: row.waves.map((wave) => presentWave(wave, members, figures)),
    gate,
    state: row.state,
    reason: row.reason,
    counts,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

/** Unlike the gate, which judges updated devices only, this shows what all devices of the wave have served. */
function presentWave(
  wave: RolloutRow['waves'][number],
  members: readonly RolloutMember[],
  figures: Figures,
): RolloutView['waves'][number] {
  const own = members.filter((member) => member.wave === wave.index && member.state !== 'skipped');
  const seen = own.flatMap((member) => figures.get(member.deviceId) ?? []);
  const count = (...states: RolloutMember['state'][]) => own.filter((m) => states.includes(m.state)).length;
  return {
    index: wave.index,
    state: wave.state,
    devices: own.length,
    updated: count('updated'),
    failed: count('failed'),
    pending: count('pending'),
    stalled: count('stalled'),
    requests: seen.reduce((sum, f) => sum + f.requests, 0),
    errors: seen.reduce((sum, f) => sum + f.errors, 0),
    expectedErrors: seen.reduce((sum, f) => sum + f.requests * earlierErrorRate(f), 0),
    p50Ms: median(seen.flatMap((f) => f.p50Ms ?? [])),
    baselineP50Ms: median(seen.flatMap((f) => f.baselineP50Ms ?? [])),
    sentBytes: own.reduce((sum, member) => sum + Number(member.sentBytes), 0),
    sentFileBytes: own.reduce((sum, member) => sum + Number(member.sentFileBytes), 0),
    startedAt: wave.startedAt?.toISOString() ?? null,
    finishedAt: wave.finishedAt?.toISOString() ?? null,
  };
}

export function presentRolloutDevice(
  row: RolloutDeviceRow,
  figures: DeviceFigures | undefined,
  now = new Date(),
): RolloutDeviceView {
  const { errorCode } = row;
  const { onlineUntil } = row.device;
  return {
    deviceId: row.deviceId,
    name: row.device.name,
    deviceClass: row.device.deviceClass,
    wave: row.wave,
    state: row.state,
    online: onlineUntil !== null && onlineUntil > now,
    updateState: row.device.updateState,
    activeDigest: row.device.activeDigest,
    artifactId: row.artifactId,
    manifestDigest: row.manifestDigest,
    previousDigest: row.previousDigest,
    error: errorCode === null ? null : { code: errorCode, message: row.errorMessage ?? '' },
    requests: figures?.requests ?? 0,
    errors: figures?.errors ?? 0,
    p50Ms: figures?.p50Ms ?? null,
    baselineP50Ms: figures?.baselineP50Ms ?? null,
    sentBytes: Number(row.sentBytes),
    sentFileBytes: Number(row.sentFileBytes),
    offeredAt: row.offeredAt?.toISOString() ?? null,
    updatedAt: row.updatedAt?.toISOString() ?? null,
  };
}
