import { Module } from '@nestjs/common';
import { GroupsModule } from '../groups/groups.module.js';
import { QuarantineController } from './quarantine.controller.js';
import { QuarantineService } from './quarantine.service.js';
import { TelemetryController } from './telemetry.controller.js';
import { UpkeepService } from './upkeep.service.js';
import { TelemetryService } from './telemetry.service.js';

@Module({
  imports: [GroupsModule],
  controllers: [TelemetryController, QuarantineController],
  providers: [TelemetryService, QuarantineService, UpkeepService],
  exports: [TelemetryService],
})
export class TelemetryModule {}
