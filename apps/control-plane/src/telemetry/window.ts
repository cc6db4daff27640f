import type { Db } from '../database/database.service.js';
import { ProblemError } from '../http/index.js';
import type { GroupsService } from '../groups/groups.service.js';

/** What a telemetry question is about, as SQL: conditions on telemetry_records and their values, from $1 on. */
export interface TelemetryWindow {
  readonly from: Date;
  readonly to: Date;
  readonly where: string;
  readonly values: unknown[];
}

export interface WindowQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly device?: string | undefined;
  readonly group?: string | undefined;
  readonly model?: string | undefined;
  readonly artifact?: string | undefined;
}

const hourMs = 3_600_000;

/** @throws ProblemError for a window that ends before it begins, and for names that the project does not have */
export async function telemetryWindow(
  parts: { readonly db: Db; readonly groups: GroupsService },
  projectId: string,
  query: WindowQuery,
  now = new Date(),
): Promise<TelemetryWindow> {
  const to = query.to === undefined ? now : new Date(query.to);
  const from = query.from === undefined ? new Date(to.getTime() - hourMs) : new Date(query.from);
  if (from >= to) throw ProblemError.invalid([{ field: '?from', detail: 'expected a time before to' }]);
  const values: unknown[] = [projectId, from, to];
  const conditions = ['project_id = $1', 'start_at >= $2', 'start_at < $3'];
  const also = (condition: (place: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (query.device !== undefined) also((p) => `device_id = ${p}::uuid`, query.device);
  if (query.group !== undefined) {
    also((p) => `group_id = ${p}::uuid`, (await parts.groups.find(projectId, query.group)).id);
  }
  if (query.artifact !== undefined) also((p) => `artifact_digest = ${p}`, query.artifact);
  if (query.model !== undefined) {
    const artifacts = await parts.db.artifact.findMany({
      where: { projectId, version: { model: { name: query.model } } },
      select: { manifestDigest: true },
    });
    also(
      (p) => `artifact_digest = ANY(${p}::text[])`,
      artifacts.map((artifact) => artifact.manifestDigest),
    );
  }
  return { from, to, where: conditions.join(' AND '), values };
}

const steps = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** The smallest round step that gives at most about 120 points. */
export function stepFor(from: Date, to: Date): number {
  const seconds = (to.getTime() - from.getTime()) / 1000;
  return steps.find((step) => seconds / step <= 120) ?? 86_400;
}
