/**
 * What devices in a rollout have served: counts and latencies of the new artifact since they were offered it, and of the
 * previous artifact from an hour before. Records are told apart by when they arrived, for devices' clocks may be wrong.
 */
import type { Pool } from 'pg';
import { MergedSketch } from '../telemetry/merge.js';

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

const selection = `FROM rollout_devices rd
  JOIN rollouts r ON r.id = rd.rollout_id
  JOIN telemetry_records t ON t.device_id = rd.device_id
    AND (t.artifact_digest = rd.manifest_digest AND t.received_at >= rd.offered_at
      OR t.artifact_digest = rd.previous_digest AND rd.previous_digest <> rd.manifest_digest
        AND t.received_at >= rd.offered_at - interval '1 hour')
  WHERE rd.rollout_id = $1 AND rd.offered_at IS NOT NULL
    AND t.received_at >= rd.offered_at - interval '1 hour'
    AND (r.finished_at IS NULL OR t.received_at <= r.finished_at)`;
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
      text: `SELECT rd.device_id, ${side} AS side, count(*) AS records, sum(t.requests) AS requests,
        sum(t.errors) AS errors ${selection} GROUP BY 1, 2`,
      values: [rolloutId],
    });
    const stale = rows.filter((row) => this.medians.get(keyOf(rolloutId, row))?.records !== row.records);
    await this.readMedians(rolloutId, stale);
    const figures = new Map<string, DeviceFigures>();
    for (const row of rows) {
      const before = figures.get(row.device_id) ?? none;
      const p50Ms = this.medians.get(keyOf(rolloutId, row))?.p50Ms ?? null;
      const [requests, errors] = [countOf(row.requests), countOf(row.errors)];
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
      text: `SELECT rd.device_id, ${side} AS side, t.latency_sketch AS sketch ${selection}
        AND rd.device_id = ANY($2::uuid[])`,
      values: [rolloutId, [...new Set(stale.map((row) => row.device_id))]],
    });
    const merged = new Map<string, MergedSketch>();
    for (const row of rows) {
      const key = keyOf(rolloutId, row);
      const sketch = merged.get(key) ?? new MergedSketch();
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

/** A sum beyond 2^53 - 1 is taken as 2^53 - 1: what is stored never breaks a decision. */
function countOf(sum: string): number {
  return Math.min(Number(sum), Number.MAX_SAFE_INTEGER);
}
