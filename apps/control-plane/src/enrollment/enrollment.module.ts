import { Module } from '@nestjs/common';
import { GroupsModule } from '../groups/groups.module.js';
import { EnrollmentController } from './enrollment.controller.js';
import { EnrollmentService } from './enrollment.service.js';

@Module({ imports: [GroupsModule], controllers: [EnrollmentController], providers: [EnrollmentService] })
export class EnrollmentModule {}
