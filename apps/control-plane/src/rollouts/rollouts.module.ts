import { Module } from '@nestjs/common';
import { CatalogModule } from '../catalog.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { RolloutsController } from './rollouts.controller.js';
import { RolloutsService } from './rollouts.service.js';
import { RolloutScheduler } from './scheduler.js';

@Module({
  imports: [CatalogModule, GroupsModule, ReleasesModule],
  controllers: [RolloutsController],
  providers: [RolloutsService, RolloutScheduler],
  exports: [RolloutsService],
})
export class RolloutsModule {}
