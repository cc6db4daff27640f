/** Telemetry: taken in from devices, and asked for by people. */
import { Inject, Injectable } from '@nestjs/common';
import type { ArtifactManifest, TelemetryTotals } from '@verge/contracts';
import type { TelemetryAck, TelemetryBatchReceived } from '@verge/contracts/grpc';
import type { ControlPlaneConfig } from '../config.js';
import { CONFIG } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import { invalidArgument } from '../gateway/status.js';
import { GroupsService } from '../groups/groups.service.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { ProblemError } from '../http/index.js';
import type { TelemetrySource } from './ingest.js';
import { ingestBatch } from './ingest.js';
import { KnownArtifacts } from './known-artifacts.js';
import type { StoredFeature } from './merge.js';
import { MergedFeature, MergedSketch } from './merge.js';
import { scan } from './scan.js';
import { checkBatch } from './validate-batch.js';
import type { TelemetryWindow, WindowQuery } from './window.js';
import { stepFor, telemetryWindow } from './window.js';

const mostPoints = 5000;

interface Counts {
  requests: string | null;
  errors: string | null;
  caller_errors: string | null;
  load_errors: string | null;
}

@Injectable()
export class TelemetryService {
  private readonly artifacts = new KnownArtifacts();

  constructor(
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(GroupsService) private readonly groups: GroupsService,
  ) {}

  /**
   * What is well-formed and cannot be true is acknowledged, so that the device does not send it for ever, and set aside.
   * @throws GatewayError INVALID_ARGUMENT naming every bad field; nothing of the batch is stored then
   */
  async receive(source: TelemetrySource, batch: TelemetryBatchReceived): Promise<TelemetryAck> {
    const bad = checkBatch(batch);
    if (bad.length > 0) throw invalidArgument(bad);
    const { pool } = this.database;
    const ingest = { pool, limits: this.config.telemetry.limits, artifacts: this.artifacts };
    const { quarantined, ...receipt } = await ingestBatch(ingest, source, batch);
    if (receipt.accepted + quarantined > 0) this.bus.changed(source.projectId, 'telemetry', source.deviceId);
    return receipt;
  }

  async series(caller: ProjectCaller, { query }: InputOf<'telemetry.series'>): Promise<OutputOf<'telemetry.series'>> {
    const { stepSeconds: asked, ...about } = query;
    const window = await this.window(caller, about);
    const stepSeconds = asked ?? stepFor(window.from, window.to);
    const points = (window.to.getTime() - window.from.getTime()) / 1000 / stepSeconds;
    if (points > mostPoints) {
      const detail = `expected at most ${mostPoints} points, got ${Math.ceil(points)}`;
      throw ProblemError.invalid([{ field: '?stepSeconds', detail }]);
    }
    const bucket = `floor(extract(epoch FROM start_at) / ${stepSeconds})::bigint`;
    const { rows } = await this.database.pool.query<Counts & { bucket: string }>(
      `SELECT ${bucket} AS bucket, sum(requests) AS requests, sum(errors) AS errors,
         sum(caller_errors) AS caller_errors, sum(load_errors) AS load_errors
       FROM telemetry_records WHERE ${window.where} GROUP BY 1 ORDER BY 1`,
      window.values,
    );
    const latency = new Map<string, MergedSketch>();
    const text = `SELECT ${bucket} AS bucket, latency_sketch AS sketch FROM telemetry_records WHERE ${window.where}`;
    await scan<{ bucket: string; sketch: Buffer }>(this.database.pool, { text, values: window.values }, (row) => {
      const merged = latency.get(row.bucket) ?? new MergedSketch();
      merged.add(row.sketch);
      latency.set(row.bucket, merged);
    });
    return {
      stepSeconds,
      points: rows.map((row) => ({
        at: new Date(Number(row.bucket) * stepSeconds * 1000).toISOString(),
        ...countsOf(row),
        ...quantilesOf(latency.get(row.bucket)),
      })),
    };
  }

  async totals(caller: ProjectCaller, { query }: InputOf<'telemetry.totals'>): Promise<OutputOf<'telemetry.totals'>> {
    const window = await this.window(caller, query);
    const { rows } = await this.database.pool.query<Counts & { records: number; devices: number }>(
      `SELECT sum(requests) AS requests, sum(errors) AS errors,
         sum(caller_errors) AS caller_errors, sum(load_errors) AS load_errors, count(*)::int AS records,
         count(DISTINCT device_id)::int AS devices
       FROM telemetry_records WHERE ${window.where}`,
      window.values,
    );
    const counts = rows[0]!;
    const latency = new MergedSketch();
    const features = new Map<string, MergedFeature>();
    const text = `SELECT latency_sketch AS sketch, features FROM telemetry_records WHERE ${window.where}`;
    type Row = { sketch: Buffer; features: StoredFeature[] };
    await scan<Row>(this.database.pool, { text, values: window.values }, (row) => {
      latency.add(row.sketch);
      for (const feature of row.features) {
        const merged = features.get(feature.name) ?? new MergedFeature();
        merged.add(feature);
        features.set(feature.name, merged);
      }
    });
    return {
      ...countsOf(counts),
      records: counts.records,
      devices: counts.devices,
      ...(await this.deliveries(caller.project.id, query)),
      ...quantilesOf(latency),
      classes: await this.classes(caller.project.id, window),
      features: [...features].sort().flatMap(([name, merged]) => merged.summary(name) ?? []),
    };
  }

  private window(caller: ProjectCaller, query: WindowQuery): Promise<TelemetryWindow> {
    return telemetryWindow({ db: this.database, groups: this.groups }, caller.project.id, query);
  }

  /** Deliveries are counted a spool at a time, so these are over all time, of the devices asked about. */
  private async deliveries(
    projectId: string,
    query: WindowQuery,
  ): Promise<Pick<TelemetryTotals, 'duplicates' | 'quarantined'>> {
    const groupId = query.group === undefined ? null : (await this.groups.find(projectId, query.group)).id;
    const { rows } = await this.database.pool.query<{ duplicates: string | null; quarantined: string }>({
      name: 'telemetry-deliveries',
      text: `WITH asked AS (SELECT id FROM devices
          WHERE project_id = $1 AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR group_id = $3))
        SELECT (SELECT sum(c.duplicates) FROM telemetry_cursors c JOIN asked ON asked.id = c.device_id) AS duplicates,
          (SELECT count(*) FROM quarantined_records q JOIN asked ON asked.id = q.device_id) AS quarantined`,
      values: [projectId, query.device ?? null, groupId],
    });
    const { duplicates, quarantined } = rows[0]!;
    return { duplicates: countOf(duplicates), quarantined: countOf(quarantined) };
  }

  /** Counts by class; the label is the one that the serving artifact's manifest gives to the index. */
  private async classes(projectId: string, window: TelemetryWindow): Promise<TelemetryTotals['classes']> {
    const { rows } = await this.database.pool.query<{ digest: string; index: number; count: string }>(
      `SELECT artifact_digest AS digest, (class->>0)::int AS index, sum((class->>1)::bigint) AS count
       FROM telemetry_records, jsonb_array_elements(classes) AS class WHERE ${window.where} GROUP BY 1, 2`,
      window.values,
    );
    const digests = [...new Set(rows.map((row) => row.digest))];
    const artifacts = await this.database.artifact.findMany({
      where: { projectId, manifestDigest: { in: digests } },
      select: { manifestDigest: true, manifest: true },
    });
    const labels = new Map(
      artifacts.map((a) => [a.manifestDigest, (a.manifest as unknown as ArtifactManifest).labels] as const),
    );
    const merged = new Map<string, TelemetryTotals['classes'][number]>();
    for (const { digest, index, count } of rows) {
      const label = labels.get(digest)?.[index] ?? String(index);
      const key = `${index} ${label}`;
      const known = merged.get(key)?.count ?? 0;
      merged.set(key, { index, label, count: known + Number(count) });
    }
    return [...merged.values()].sort((a, b) => a.index - b.index || (a.label < b.label ? -1 : 1));
  }
}

/** A sum beyond 2^53 - 1 is answered as 2^53 - 1: what is stored never breaks an answer. */
function countOf(sum: string | null): number {
  return Math.min(Number(sum ?? 0), Number.MAX_SAFE_INTEGER);
}

function countsOf(row: Counts) {
  const { requests, errors, caller_errors: callerErrors, load_errors: loadErrors } = row;
  return {
    requests: countOf(requests),
    errors: countOf(errors),
    callerErrors: countOf(callerErrors),
    loadErrors: countOf(loadErrors),
  };
}

function quantilesOf(sketch: MergedSketch | undefined) {
  const of = (q: number) => sketch?.quantile(q) ?? null;
  return { p50Ms: of(0.5), p95Ms: of(0.95), p99Ms: of(0.99) };
}
