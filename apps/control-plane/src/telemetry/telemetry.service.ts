/** Telemetry: taken in from devices, and asked for by people. */
import { Inject, Injectable } from '@nestjs/common';
import type { TelemetryTotals } from '@verge/contracts';
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
import { labelled } from './class-labels.js';
import { readRanges, stepFor } from './ranges.js';
import { readRollups } from './read.js';
import { Rollup, safeCount } from './rollup.js';
import { checkBatch } from './validate-batch.js';
import type { TelemetryWindow, WindowQuery } from './window.js';
import { SharedAnswers } from './shared-answers.js';
import { telemetryWindow } from './window.js';

const mostPoints = 5000;

@Injectable()
export class TelemetryService {
  private readonly artifacts = new KnownArtifacts();
  private readonly answers = new SharedAnswers();

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

  /** Every step is there, one without traffic with zeros: silence must not look like traffic. */
  series(caller: ProjectCaller, { query }: InputOf<'telemetry.series'>): Promise<OutputOf<'telemetry.series'>> {
    const question = JSON.stringify(['series', caller.project.id, query]);
    return this.answers.ask(question, () => this.readSeries(caller, query));
  }

  totals(caller: ProjectCaller, { query }: InputOf<'telemetry.totals'>): Promise<OutputOf<'telemetry.totals'>> {
    const question = JSON.stringify(['totals', caller.project.id, query]);
    return this.answers.ask(question, () => this.readTotals(caller, query));
  }

  private async readSeries(
    caller: ProjectCaller,
    query: InputOf<'telemetry.series'>['query'],
  ): Promise<OutputOf<'telemetry.series'>> {
    const { stepSeconds: asked, ...about } = query;
    const window = await this.window(caller, about);
    const stepSeconds = this.checkedStep(window, asked);
    const ms = stepSeconds * 1000;
    const first = Math.floor(window.from.getTime() / ms);
    const sums = Array.from({ length: Math.ceil(window.to.getTime() / ms) - first }, () => new Rollup());
    const ranges = readRanges({ ...window, stepSeconds, minutesFrom: this.minutesFrom() });
    await readRollups(this.database.pool, window, ranges, 'figures', (row) => {
      // A span that was widened to hours may begin before the first point.
      const at = Math.max(0, Math.floor(row.at.getTime() / ms) - first);
      sums[Math.min(at, sums.length - 1)]!.add(row);
    });
    const points = sums.map((sum, i) => ({ at: new Date((first + i) * ms).toISOString(), ...figuresOf(sum) }));
    return { stepSeconds, points };
  }

  private async readTotals(
    caller: ProjectCaller,
    query: InputOf<'telemetry.totals'>['query'],
  ): Promise<OutputOf<'telemetry.totals'>> {
    const projectId = caller.project.id;
    const window = await this.window(caller, query);
    const total = new Rollup();
    const classes = new Map<string, Rollup>();
    const unnumbered = new Set<string>();
    const ranges = readRanges({ ...window, stepSeconds: null, minutesFrom: this.minutesFrom() });
    await readRollups(this.database.pool, window, ranges, 'all', (row) => {
      total.add({ ...row, classes: [] });
      const ofArtifact = classes.get(row.artifact_digest) ?? new Rollup();
      classes.set(row.artifact_digest, ofArtifact);
      ofArtifact.addClasses(row.classes ?? []);
      if (row.ordinal !== null) total.devices.add(row.ordinal);
      else if (row.device_id !== null) unnumbered.add(row.device_id);
    });
    const one = window.scope === 'device' && total.counts.records > 0n;
    return {
      ...figuresOf(total),
      records: safeCount(total.counts.records),
      devices: one ? 1 : total.devices.size + unnumbered.size,
      leftOut: safeCount(total.counts.leftOut),
      ...(await this.deliveries(projectId, query)),
      classes: await labelled(this.database.pool, projectId, classes),
      features: [...total.features].sort().flatMap(([name, merged]) => merged.summary(name) ?? []),
    };
  }

  /** Counts and quantiles of a project's window alone: what the overview shows. */
  async figures(projectId: string, from: Date, to: Date): Promise<ReturnType<typeof figuresOf>> {
    const window: TelemetryWindow = { projectId, scope: 'project', scopeId: projectId, artifacts: null, from, to };
    const sum = new Rollup();
    const ranges = readRanges({ from, to, stepSeconds: null, minutesFrom: this.minutesFrom() });
    await readRollups(this.database.pool, window, ranges, 'figures', (row) => sum.add(row));
    return figuresOf(sum);
  }

  private window(caller: ProjectCaller, query: WindowQuery): Promise<TelemetryWindow> {
    return telemetryWindow({ db: this.database, groups: this.groups }, caller.project.id, query);
  }

  /** Roll-ups of minutes before it are deleted, or soon will be. */
  private minutesFrom(): Date {
    const { minuteDays } = this.config.retention;
    return new Date(minuteDays === 0 ? 0 : Date.now() - minuteDays * 86_400_000);
  }

  /** @throws ProblemError for a step that the roll-ups cannot answer */
  private checkedStep({ from, to }: TelemetryWindow, asked: number | undefined): number {
    const minutesFrom = this.minutesFrom();
    if (asked === undefined) return stepFor({ from, to, minutesFrom });
    const field = '?stepSeconds';
    if (asked % 60 !== 0) throw ProblemError.invalid([{ field, detail: 'expected whole minutes' }]);
    if (from < minutesFrom && asked % 3600 !== 0) {
      const detail = `expected whole hours: minutes before ${minutesFrom.toISOString()} are no longer kept`;
      throw ProblemError.invalid([{ field, detail }]);
    }
    const points = Math.ceil((to.getTime() - from.getTime()) / 1000 / asked);
    if (points > mostPoints) {
      throw ProblemError.invalid([{ field, detail: `expected at most ${mostPoints} points, got ${points}` }]);
    }
    return asked;
  }

  /** Deliveries are counted a spool at a time, so these are over all time, of the devices asked about. */
  private async deliveries(
    projectId: string,
    query: WindowQuery,
  ): Promise<Pick<TelemetryTotals, 'duplicates' | 'quarantined'>> {
    const groupId = query.group === undefined ? null : (await this.groups.find(projectId, query.group)).id;
    const { rows } = await this.database.pool.query<{ duplicates: string | null; quarantined: string }>({
      name: 'telemetry-deliveries',
      text: `SELECT
          (SELECT sum(c.duplicates) FROM telemetry_cursors c JOIN devices d ON d.id = c.device_id WHERE c.duplicates > 0
            AND d.project_id = $1 AND ($2::uuid IS NULL OR d.id = $2) AND ($3::uuid IS NULL OR d.group_id = $3)) AS duplicates,
          (SELECT count(*) FROM quarantined_records q JOIN devices d ON d.id = q.device_id WHERE q.project_id = $1
            AND ($2::uuid IS NULL OR d.id = $2) AND ($3::uuid IS NULL OR d.group_id = $3)) AS quarantined`,
      values: [projectId, query.device ?? null, groupId],
    });
    const { duplicates, quarantined } = rows[0]!;
    return { duplicates: safeCount(BigInt(duplicates ?? 0)), quarantined: safeCount(BigInt(quarantined)) };
  }
}

function figuresOf({ counts, latency }: Rollup) {
  return {
    requests: safeCount(counts.requests),
    errors: safeCount(counts.errors),
    callerErrors: safeCount(counts.callerErrors),
    loadErrors: safeCount(counts.loadErrors),
    p50Ms: latency.quantile(0.5),
    p95Ms: latency.quantile(0.95),
    p99Ms: latency.quantile(0.99),
  };
}
