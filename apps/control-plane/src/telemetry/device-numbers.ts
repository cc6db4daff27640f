import type { PoolClient } from 'pg';

/**
 * The number of each device within its project, given where it has none. Called under the lock of `fold`, so that two
 * devices never get one number.
 */
export async function numberDevices(
  client: PoolClient,
  rows: readonly { readonly device_id: string; readonly project_id: string }[],
): Promise<ReadonlyMap<string, number>> {
  const projects = new Map(rows.map((row) => [row.device_id, row.project_id] as const));
  type Numbered = { device_id: string; ordinal: number };
  const known = await client.query<Numbered>({
    name: 'telemetry-devices',
    text: 'SELECT device_id, ordinal FROM telemetry_devices WHERE device_id = ANY($1::uuid[])',
    values: [[...projects.keys()]],
  });
  const numbers = new Map(known.rows.map((row) => [row.device_id, row.ordinal] as const));
  const fresh = [...projects].filter(([deviceId]) => !numbers.has(deviceId));
  if (fresh.length === 0) return numbers;
  const given = await client.query<Numbered>({
    name: 'telemetry-devices-number',
    text: `INSERT INTO telemetry_devices (device_id, project_id, ordinal)
      SELECT device_id, project_id,
        coalesce((SELECT max(t.ordinal) + 1 FROM telemetry_devices t WHERE t.project_id = fresh.project_id), 0)
          + row_number() OVER (PARTITION BY project_id ORDER BY device_id) - 1
      FROM unnest($1::uuid[], $2::uuid[]) AS fresh(device_id, project_id) RETURNING device_id, ordinal`,
    values: [fresh.map(([deviceId]) => deviceId), fresh.map(([, projectId]) => projectId)],
  });
  for (const row of given.rows) numbers.set(row.device_id, row.ordinal);
  return numbers;
}
