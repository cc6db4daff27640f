import { Module } from '@nestjs/common';
import { AuthorityModule } from '../authority/authority.module.js';
import { DevicesModule } from '../devices/devices.module.js';
import { EnrollmentModule } from '../enrollment/enrollment.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { RolloutsModule } from '../rollouts/rollouts.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { GatewayModule } from './gateway.module.js';

/** Everything that has to do with devices. */
@Module({
  imports: [
    AuthorityModule,
    GroupsModule,
    DevicesModule,
    EnrollmentModule,
    ReleasesModule,
    RolloutsModule,
    TelemetryModule,
    GatewayModule,
  ],
})
export class FleetModule {}
