import { Module } from '@nestjs/common';
import { AlarmsModule } from '../alarms/alarms.module.js';
import { AuditController } from '../audit/audit.controller.js';
import { EventsController } from '../events/events.controller.js';
import { FollowController } from '../events/follow.controller.js';
import { OverviewController } from '../overview/overview.controller.js';
import { RolloutsModule } from '../rollouts/rollouts.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { WorkModule } from '../work.module.js';
import { WorkersModule } from '../workers/workers.module.js';
import { DocumentsController } from './documents.controller.js';
import { HealthController } from './health.controller.js';

/** What looks at the whole: overview, audit, the live feed, documents, health. */
@Module({
  imports: [AlarmsModule, WorkModule, WorkersModule, RolloutsModule, TelemetryModule],
  controllers: [
    AuditController,
    EventsController,
    FollowController,
    OverviewController,
    DocumentsController,
    HealthController,
  ],
})
export class SiteModule {}
