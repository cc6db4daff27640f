/** Which artifacts a device may speak of: what it was offered, and what it said it serves. */
import type { PoolClient } from 'pg';

/** Devices whose artifacts are remembered. */
const mostDevices = 50_000;

export class KnownArtifacts {
  /** Artifacts found to be a device's own. They stay so; only what is not here is asked about. */
  private readonly known = new Map<string, Set<string>>();

  /** @returns those of the digests that the device never had */
  async foreign(client: PoolClient, deviceId: string, digests: readonly string[]): Promise<ReadonlySet<string>> {
    const known = this.known.get(deviceId) ?? new Set<string>();
    const asked = [...new Set(digests)].filter((digest) => !known.has(digest));
    if (asked.length === 0) return new Set();
    const { rows } = await client.query<{ digest: string }>({
      name: 'device-foreign-artifacts',
      text: `SELECT digest FROM unnest($2::text[]) AS digest
        WHERE NOT EXISTS (
            SELECT FROM devices d LEFT JOIN artifacts a ON a.id = d.desired_artifact_id
            WHERE d.id = $1 AND digest IN (d.active_digest, d.target_digest, a.manifest_digest))
          AND NOT EXISTS (
            SELECT FROM rollout_devices rd WHERE rd.device_id = $1
              AND (digest = rd.manifest_digest AND rd.offered_at IS NOT NULL OR digest = rd.previous_digest))
          AND NOT EXISTS (
            SELECT FROM telemetry_arrivals t WHERE t.device_id = $1 AND t.artifact_digest = digest)
          AND NOT EXISTS (
            SELECT FROM device_events e WHERE e.device_id = $1 AND e.kind = 'active' AND e.message = 'serves ' || digest)`,
      values: [deviceId, asked],
    });
    const foreign = new Set(rows.map((row) => row.digest));
    if (this.known.size >= mostDevices) this.known.clear();
    for (const digest of asked) if (!foreign.has(digest)) known.add(digest);
    this.known.set(deviceId, known);
    return foreign;
  }
}
