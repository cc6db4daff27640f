import { Module } from '@nestjs/common';
import { DevicesModule } from '../devices/devices.module.js';
import { DirectorModule } from '../director/director.module.js';
import { PackingModule } from '../packing/packing.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { GatewayService } from './gateway.service.js';

@Module({ imports: [DevicesModule, DirectorModule, PackingModule, TelemetryModule], providers: [GatewayService] })
export class GatewayModule {}
