/** What the overview counts: every table is read once. */
import type { Overview } from '@verge/contracts';
import type { Pool } from 'pg';
import { failingSql, onlineSql } from '../devices/conditions.js';

/** Certificates of active devices that end before a moment. */
export interface EndingCertificates {
  readonly devices: number;
  readonly first: Date;
}

export interface FleetCounts extends Pick<Overview, 'devices' | 'versionsInField'> {
  readonly ending: EndingCertificates | null;
}

interface FleetRow {
  state: 'active' | 'revoked';
  deviceClass: string;
  devices: number;
  online: number;
  failing: number;
  ending: number;
  firstEnd: Date | null;
  model: string | null;
  version: number | null;
}

/**
 * Devices by state, class and the manifest that each says it serves.
 * @param until certificates that end before it are counted
 */
export async function fleetCounts(pool: Pool, projectId: string, now: Date, until: Date): Promise<FleetCounts> {
  const { rows } = await pool.query<FleetRow>(
    `WITH counted AS (
       SELECT state, active_digest, device_class, count(*)::int AS devices,
         count(*) FILTER (WHERE ${onlineSql('$2')})::int AS online, count(*) FILTER (WHERE ${failingSql})::int AS failing,
         count(*) FILTER (WHERE certificate_expires_at < $3)::int AS ending, min(certificate_expires_at) AS first_end
       FROM devices WHERE project_id = $1 GROUP BY 1, 2, 3
     )
     SELECT c.state, c.device_class AS "deviceClass", c.devices, c.online, c.failing, c.ending, c.first_end AS "firstEnd",
       served.model, served.version
     FROM counted c LEFT JOIN LATERAL (
       SELECT m.name AS model, v.number AS version
       FROM artifacts a JOIN versions v ON v.id = a.version_id JOIN models m ON m.id = v.model_id
       WHERE a.project_id = $1 AND a.manifest_digest = c.active_digest LIMIT 1
     ) AS served ON true`,
    [projectId, now, until],
  );
  const active = rows.filter((row) => row.state === 'active');
  const sum = (of: readonly FleetRow[], what: 'devices' | 'online' | 'failing' | 'ending'): number =>
    of.reduce((total, row) => total + row[what], 0);
  const ending = active.filter((row) => row.ending > 0);
  const [first] = ending.map((row) => row.firstEnd!).sort((a, b) => a.getTime() - b.getTime());
  return {
    devices: {
      total: sum(active, 'devices'),
      online: sum(active, 'online'),
      failing: sum(active, 'failing'),
      revoked: sum(rows, 'devices') - sum(active, 'devices'),
    },
    versionsInField: versionsOf(active),
    ending: first ? { devices: sum(ending, 'ending'), first } : null,
  };
}

/** By model, the newest version first, and class; two artifacts of one version and class are one row. */
function versionsOf(rows: readonly FleetRow[]): Overview['versionsInField'] {
  const found = new Map<string, Overview['versionsInField'][number]>();
  for (const { model, version, deviceClass, devices } of rows) {
    if (model === null || version === null) continue;
    const key = JSON.stringify([model, version, deviceClass]);
    found.set(key, { model, version, deviceClass, devices: devices + (found.get(key)?.devices ?? 0) });
  }
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...found.values()].sort(
    (a, b) => order(a.model, b.model) || b.version - a.version || order(a.deviceClass, b.deviceClass),
  );
}

type WorkCounts = Pick<Overview, 'models' | 'jobs' | 'rollouts'>;

/** @param midnight failed jobs are counted from here on */
export async function workCounts(pool: Pool, projectId: string, midnight: Date): Promise<WorkCounts> {
  const jobs = (where: string): string => `(SELECT count(*) FROM jobs WHERE project_id = $1 AND ${where})::int`;
  const rollouts = (state: string): string =>
    `(SELECT count(*) FROM rollouts WHERE project_id = $1 AND state = '${state}')::int`;
  const { rows } = await pool.query<Record<string, number>>(
    `SELECT (SELECT count(*) FROM models WHERE project_id = $1)::int AS models, ${jobs("state = 'queued'")} AS queued,
       ${jobs("state IN ('running', 'cancelling')")} AS running,
       ${jobs("state = 'failed' AND finished_at >= $2")} AS "failedToday",
       ${rollouts('running')} AS "rolloutsRunning", ${rollouts('paused')} AS paused, ${rollouts('reverting')} AS reverting`,
    [projectId, midnight],
  );
  const { models, queued, running, failedToday, rolloutsRunning, paused, reverting } = rows[0]!;
  return {
    models: models!,
    jobs: { queued: queued!, running: running!, failedToday: failedToday! },
    rollouts: { running: rolloutsRunning!, paused: paused!, reverting: reverting! },
  };
}
