import { Module } from '@nestjs/common';
import { CatalogModule } from '../catalog.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { DeviceDeletion } from './device-deletion.service.js';
import { DevicesController } from './devices.controller.js';
import { DevicesService } from './devices.service.js';
import { ReportService } from './report.service.js';

@Module({
  imports: [CatalogModule, GroupsModule],
  controllers: [DevicesController],
  providers: [DevicesService, DeviceDeletion, ReportService],
  exports: [ReportService],
})
export class DevicesModule {}
