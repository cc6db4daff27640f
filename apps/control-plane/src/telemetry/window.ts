import type { Db } from '../database/database.service.js';
import type { GroupsService } from '../groups/groups.service.js';
import { ProblemError } from '../http/index.js';
import type { Scope } from './fold.js';

/** What a telemetry question is about. */
export interface TelemetryWindow {
  readonly from: Date;
  readonly to: Date;
  readonly projectId: string;
  readonly scope: Scope;
  /** Of the project, the group or the device; null when nothing can be in it. */
  readonly scopeId: string | null;
  /** Manifest digests; null: all. */
  readonly artifacts: readonly string[] | null;
}

export interface WindowQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly device?: string | undefined;
  readonly group?: string | undefined;
  readonly model?: string | undefined;
  readonly artifact?: string | undefined;
}

interface Parts {
  readonly db: Db;
  readonly groups: GroupsService;
}

const hourMs = 3_600_000;

/** @throws ProblemError for a window that ends before it begins, and for names that the project does not have */
export async function telemetryWindow(
  parts: Parts,
  projectId: string,
  query: WindowQuery,
  now = new Date(),
): Promise<TelemetryWindow> {
  const to = query.to === undefined ? now : new Date(query.to);
  const from = query.from === undefined ? new Date(to.getTime() - hourMs) : new Date(query.from);
  if (from >= to) throw ProblemError.invalid([{ field: '?from', detail: 'expected a time before to' }]);
  return {
    from,
    to,
    projectId,
    ...(await scopeOf(parts, projectId, query)),
    artifacts: await artifactsOf(parts.db, projectId, query),
  };
}

async function scopeOf(
  { db, groups }: Parts,
  projectId: string,
  { device, group }: WindowQuery,
): Promise<Pick<TelemetryWindow, 'scope' | 'scopeId'>> {
  const groupId = group === undefined ? null : (await groups.find(projectId, group)).id;
  if (device === undefined) {
    return groupId === null ? { scope: 'project', scopeId: projectId } : { scope: 'group', scopeId: groupId };
  }
  // Of a device and a group that it is not in now there is nothing to tell.
  const outside = groupId !== null && (await db.device.count({ where: { id: device, groupId } })) === 0;
  return { scope: 'device', scopeId: outside ? null : device };
}

async function artifactsOf(db: Db, projectId: string, { model, artifact }: WindowQuery): Promise<string[] | null> {
  if (model === undefined) return artifact === undefined ? null : [artifact];
  const rows = await db.artifact.findMany({
    where: { projectId, version: { model: { name: model } } },
    select: { manifestDigest: true },
  });
  const digests = rows.map((row) => row.manifestDigest);
  return artifact === undefined ? digests : digests.filter((digest) => digest === artifact);
}
