import { Controller, Inject } from '@nestjs/common';
import type { Overview } from '@verge/contracts';
import { AlarmsService } from '../alarms/alarms.service.js';
import { certificatesSoon } from '../alarms/expiry.js';
import { DatabaseService } from '../database/database.service.js';
import { Caller, Operation, type ProjectCaller } from '../http/index.js';
import { SharedAnswers } from '../telemetry/shared-answers.js';
import { TelemetryService } from '../telemetry/telemetry.service.js';
import { fleetCounts, workCounts } from './counts.js';

const HOUR_MS = 3_600_000;

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
    const { pool } = this.database;
    const now = new Date();
    const midnight = new Date(now.toISOString().slice(0, 10));
    const counted = fleetCounts(pool, projectId, now, certificatesSoon(now));
    const [fleet, work, telemetry, alarms] = await Promise.all([
      counted,
      workCounts(pool, projectId, midnight),
      this.lastHour(projectId, now),
      this.alarms.ofProject(
        projectId,
        counted.then(({ ending }) => ending),
        now,
      ),
    ]);
    const { devices, versionsInField } = fleet;
    return { devices, versionsInField, ...work, telemetry, alarms };
  }

  private async lastHour(projectId: string, now: Date): Promise<Overview['telemetry']> {
    const from = new Date(now.getTime() - HOUR_MS);
    const { requests, errors, p50Ms, p95Ms } = await this.telemetry.figures(projectId, from, now);
    return { requestsLastHour: requests, errorsLastHour: errors, p50Ms, p95Ms };
  }
}
