import type { Device as DeviceView } from '@verge/contracts';
import type { Db, Prisma } from '../database/database.service.js';

const artifactInclude = { version: { include: { model: true } } } as const;
export const deviceInclude = { group: true, desiredArtifact: { include: artifactInclude } } as const;
export type DeviceRow = Prisma.DeviceGetPayload<{ include: typeof deviceInclude }>;
type ArtifactRow = Prisma.ArtifactGetPayload<{ include: typeof artifactInclude }>;
type Running = NonNullable<DeviceView['active']>;

/** The artifacts of a project by manifest digest. */
export async function runningArtifacts(
  db: Db,
  projectId: string,
  digests: readonly string[],
): Promise<Map<string, Running>> {
  const wanted = [...new Set(digests)];
  const rows = await db.artifact.findMany({
    where: { projectId, manifestDigest: { in: wanted } },
    include: artifactInclude,
  });
  return new Map(rows.map((row) => [row.manifestDigest, runningOf(row)]));
}

function runningOf(row: ArtifactRow): Running {
  const { id, manifestDigest, version } = row;
  return { id, manifestDigest, model: version.model.name, version: version.number };
}

export function presentDevice(row: DeviceRow, active: ReadonlyMap<string, Running>, now: Date): DeviceView {
  const { activeDigest, desiredArtifact, errorCode } = row;
  const unknown = { id: null, model: null, version: null };
  return {
    id: row.id,
    name: row.name,
    deviceClass: row.deviceClass,
    groupId: row.groupId,
    group: row.group?.name ?? null,
    labels: row.labels as Record<string, string>,
    state: row.state,
    online: row.onlineUntil !== null && row.onlineUntil > now,
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
    enrolledAt: row.enrolledAt.toISOString(),
    certificateExpiresAt: row.certificateExpiresAt.toISOString(),
    facts: row.facts as Record<string, string>,
    updateState: row.updateState,
    error: errorCode === null ? null : { code: errorCode, message: row.errorMessage ?? '' },
    active: activeDigest === null ? null : (active.get(activeDigest) ?? { ...unknown, manifestDigest: activeDigest }),
    desired: desiredArtifact === null ? null : runningOf(desiredArtifact),
    rssBytes: numberOf(row.rssBytes),
    spoolRecords: numberOf(row.spoolRecords),
    spoolDropped: numberOf(row.spoolDropped),
  };
}

function numberOf(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}
