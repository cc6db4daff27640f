/**
 * What devices in a rollout have served: counts and latencies of the new artifact since they were offered it, and of the
 * previous artifact from an hour before. Read from sums by arrival, for devices' clocks may be wrong: what came while the
 * rollout was the last to have spoken to the device is its own, to the record; the hour before begins on five minutes.
 */
import type { Pool } from 'pg';
import { SketchSum } from '@verge/contracts/sketch';
import { safeCount } from '../telemetry/rollup.js';

export interface DeviceFigures {
  readonly requests: number;
  /** The model's own. */
  readonly errors: number;
  /** Of the version before, from an hour before the offer. */
  readonly baselineRequests: number;
  readonly baselineErrors: number;
  readonly p50Ms: number | null;
  readonly baselineP50Ms: number | null;
}

const none: DeviceFigures = {
  requests: 0,
  errors: 0,
  baselineRequests: 0,
  baselineErrors: 0,
  p50Ms: null,
  baselineP50Ms: null,
};

type Side = 'new' | 'old';
interface CountRow {
  device_id: string;
  side: Side;
  records: string;
  requests: string;
  errors: string;
}

/** Sums of five minutes by arrival, and what is pending, which has not been added to them yet. */
const arrivals = `(
    SELECT device_id, artifact_digest, rollout_id, at, records, requests, errors, latency_sketch FROM telemetry_arrivals
    WHERE device_id = ANY(members.ids)
  UNION ALL
    SELECT device_id, artifact_digest, rollout_id, received_at, records, requests, errors, latency_sketch
    FROM telemetry_pending WHERE device_id = ANY(members.ids))`;
const spanOf = (at: string) => `to_timestamp(floor(extract(epoch FROM ${at}) / 300) * 300)`;
const selection = `FROM (SELECT array_agg(device_id) AS ids FROM rollout_devices
    WHERE rollout_id = $1 AND offered_at IS NOT NULL AND ($2::uuid[] IS NULL OR device_id = ANY($2::uuid[]))) AS members
  CROSS JOIN LATERAL ${arrivals} AS t
  JOIN rollout_devices rd ON rd.rollout_id = $1 AND rd.device_id = t.device_id AND rd.offered_at IS NOT NULL
  JOIN rollouts r ON r.id = rd.rollout_id
  WHERE (r.finished_at IS NULL OR t.at <= r.finished_at)
    AND (t.artifact_digest = rd.manifest_digest AND t.rollout_id = rd.rollout_id AND t.at >= ${spanOf('rd.offered_at')}
      OR t.artifact_digest = rd.previous_digest AND rd.previous_digest <> rd.manifest_digest
        AND t.at >= ${spanOf("rd.offered_at - interval '1 hour'")})`;
const side = `CASE WHEN t.artifact_digest = rd.manifest_digest THEN 'new' ELSE 'old' END`;

export class RolloutFigures {
  /** Medians by rollout, device and side, with the number of records that they are of. */
  private readonly medians = new Map<string, { records: string; p50Ms: number | null }>();
  private static readonly mostMedians = 50_000;

  constructor(private readonly pool: Pool) {}

  /** Counts are asked for each time; sketches are read again only where records have come. */
  async load(rolloutId: string): Promise<Map<string, DeviceFigures>> {
    const { rows } = await this.pool.query<CountRow>({
      name: 'rollout-counts',
      text: `SELECT rd.device_id, ${side} AS side, sum(t.records) AS records, sum(t.requests) AS requests,
        sum(t.errors) AS errors ${selection} GROUP BY 1, 2`,
      values: [rolloutId, null],
    });
    const stale = rows.filter((row) => this.medians.get(keyOf(rolloutId, row))?.records !== row.records);
    await this.readMedians(rolloutId, stale);
    const figures = new Map<string, DeviceFigures>();
    for (const row of rows) {
      const before = figures.get(row.device_id) ?? none;
      const p50Ms = this.medians.get(keyOf(rolloutId, row))?.p50Ms ?? null;
      const [requests, errors] = [safeCount(BigInt(row.requests)), safeCount(BigInt(row.errors))];
      const own =
        row.side === 'new'
          ? { requests, errors, p50Ms }
          : { baselineRequests: requests, baselineErrors: errors, baselineP50Ms: p50Ms };
      figures.set(row.device_id, { ...before, ...own });
    }
    return figures;
  }

  private async readMedians(rolloutId: string, stale: readonly CountRow[]): Promise<void> {
    if (stale.length === 0) return;
    const { rows } = await this.pool.query<{ device_id: string; side: Side; sketch: Buffer }>({
      name: 'rollout-sketches',
      text: `SELECT rd.device_id, ${side} AS side, t.latency_sketch AS sketch ${selection}`,
      values: [rolloutId, [...new Set(stale.map((row) => row.device_id))]],
    });
    const merged = new Map<string, SketchSum>();
    for (const row of rows) {
      const key = keyOf(rolloutId, row);
      const sketch = merged.get(key) ?? new SketchSum();
      sketch.add(row.sketch);
      merged.set(key, sketch);
    }
    if (this.medians.size > RolloutFigures.mostMedians) this.medians.clear();
    for (const row of stale) {
      const key = keyOf(rolloutId, row);
      this.medians.set(key, { records: row.records, p50Ms: merged.get(key)?.quantile(0.5) ?? null });
    }
  }
}

function keyOf(rolloutId: string, row: { device_id: string; side: Side }): string {
  return `${rolloutId} ${row.device_id} ${row.side}`;
}
