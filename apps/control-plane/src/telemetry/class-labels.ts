import type { TelemetryTotals } from '@verge/contracts';
import type { Pool } from 'pg';
import type { Rollup } from './rollup.js';
import { safeCount } from './rollup.js';

type Classes = TelemetryTotals['classes'];

/** Counts by class; the label is the one that the serving artifact's manifest gives to the index. */
export async function labelled(
  pool: Pool,
  projectId: string,
  byArtifact: ReadonlyMap<string, Rollup>,
): Promise<Classes> {
  const { rows } = await pool.query<{ digest: string; labels: readonly string[] | null }>({
    name: 'telemetry-labels',
    text: `SELECT manifest_digest AS digest, manifest->'labels' AS labels FROM artifacts
      WHERE project_id = $1 AND manifest_digest = ANY($2::text[])`,
    values: [projectId, [...byArtifact.keys()]],
  });
  const labels = new Map(rows.map((row) => [row.digest, row.labels] as const));
  const merged = new Map<string, { index: number; label: string; count: bigint }>();
  for (const [digest, { classes }] of byArtifact) {
    for (const [index, count] of classes) {
      const label = labels.get(digest)?.[index] ?? String(index);
      const key = `${index} ${label}`;
      merged.set(key, { index, label, count: (merged.get(key)?.count ?? 0n) + count });
    }
  }
  return [...merged.values()]
    .sort((a, b) => a.index - b.index || (a.label < b.label ? -1 : 1))
    .map((each) => ({ ...each, count: safeCount(each.count) }));
}
