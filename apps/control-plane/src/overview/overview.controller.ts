import { Controller, Inject } from '@nestjs/common';
import type { Overview } from '@verge/contracts';
import { AlarmsService } from '../alarms/alarms.service.js';
import { DatabaseService } from '../database/database.service.js';
import { failingDevice, onlineDevice } from '../devices/conditions.js';
import { Caller, Operation, type ProjectCaller } from '../http/index.js';
import { SharedAnswers } from '../telemetry/shared-answers.js';
import { TelemetryService } from '../telemetry/telemetry.service.js';

const HOUR_MS = 3_600_000;

interface FieldRow {
  model: string;
  version: number;
  deviceClass: string;
  devices: number;
}

@Controller()
export class OverviewController {
  private readonly answers = new SharedAnswers();

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(TelemetryService) private readonly telemetry: TelemetryService,
    @Inject(AlarmsService) private readonly alarms: AlarmsService,
  ) {}

  @Operation('overview.get')
  get(@Caller() caller: ProjectCaller): Promise<Overview> {
    const { id } = caller.project;
    return this.answers.ask(id, () => this.read(id));
  }

  private async read(projectId: string): Promise<Overview> {
    const now = new Date();
    const [devices, versionsInField, models, jobs, rollouts, lastHour, alarms] = await Promise.all([
      this.devices(projectId, now),
      this.versionsInField(projectId),
      this.database.model.count({ where: { projectId } }),
      this.jobs(projectId, now),
      this.rollouts(projectId),
      this.lastHour(projectId, now),
      this.alarms.ofProject(projectId, now),
    ]);
    return { devices, versionsInField, models, jobs, rollouts, telemetry: lastHour, alarms };
  }

  private async devices(projectId: string, now: Date): Promise<Overview['devices']> {
    const active = { projectId, state: 'active' } as const;
    const [total, online, failing, revoked] = await Promise.all([
      this.database.device.count({ where: active }),
      this.database.device.count({ where: { ...active, ...onlineDevice(now) } }),
      this.database.device.count({ where: { ...active, ...failingDevice } }),
      this.database.device.count({ where: { projectId, state: 'revoked' } }),
    ]);
    return { total, online, failing, revoked };
  }

  /** By the manifest that each device says it serves. */
  private async versionsInField(projectId: string): Promise<FieldRow[]> {
    return await this.database.$queryRaw<FieldRow[]>`
      SELECT m.name AS model, v.number AS version, d.device_class AS "deviceClass", sum(d.devices)::int AS devices
      FROM (
        SELECT active_digest, device_class, count(*) AS devices FROM devices
        WHERE project_id = ${projectId}::uuid AND state = 'active' GROUP BY 1, 2
      ) AS d
      JOIN artifacts a ON a.project_id = ${projectId}::uuid AND a.manifest_digest = d.active_digest
      JOIN versions v ON v.id = a.version_id
      JOIN models m ON m.id = v.model_id
      GROUP BY 1, 2, 3 ORDER BY 1, 2 DESC, 3`;
  }

  private async jobs(projectId: string, now: Date): Promise<Overview['jobs']> {
    const midnight = new Date(now.toISOString().slice(0, 10));
    const [queued, running, failedToday] = await Promise.all([
      this.database.job.count({ where: { projectId, state: 'queued' } }),
      this.database.job.count({ where: { projectId, state: { in: ['running', 'cancelling'] } } }),
      this.database.job.count({ where: { projectId, state: 'failed', finishedAt: { gte: midnight } } }),
    ]);
    return { queued, running, failedToday };
  }

  private async rollouts(projectId: string): Promise<Overview['rollouts']> {
    const rows = await this.database.rollout.groupBy({ by: ['state'], where: { projectId }, _count: true });
    const count = (state: string): number => rows.find((row) => row.state === state)?._count ?? 0;
    return { running: count('running'), paused: count('paused'), reverting: count('reverting') };
  }

  private async lastHour(projectId: string, now: Date): Promise<Overview['telemetry']> {
    const from = new Date(now.getTime() - HOUR_MS);
    const { requests, errors, p50Ms, p95Ms } = await this.telemetry.figures(projectId, from, now);
    return { requestsLastHour: requests, errorsLastHour: errors, p50Ms, p95Ms };
  }
}
