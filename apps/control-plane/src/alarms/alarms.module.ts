import { Module } from '@nestjs/common';
import { WorkersModule } from '../workers/workers.module.js';
import { AlarmsService } from './alarms.service.js';

@Module({ imports: [WorkersModule], providers: [AlarmsService], exports: [AlarmsService] })
export class AlarmsModule {}
