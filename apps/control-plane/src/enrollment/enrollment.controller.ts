import { Controller, Inject } from '@nestjs/common';
import type { ProjectCaller } from '../http/index.js';
import { Caller, Input, Operation, type InputOf } from '../http/index.js';
import { EnrollmentService } from './enrollment.service.js';

@Controller()
export class EnrollmentController {
  constructor(@Inject(EnrollmentService) private readonly enrollment: EnrollmentService) {}

  @Operation('enrollment.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'enrollment.list'>) {
    return this.enrollment.list(caller, input);
  }

  @Operation('enrollment.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'enrollment.create'>) {
    return this.enrollment.create(caller, input);
  }

  @Operation('devices.reEnroll')
  reEnroll(@Caller() caller: ProjectCaller, @Input() input: InputOf<'devices.reEnroll'>) {
    return this.enrollment.reEnroll(caller, input);
  }

  @Operation('enrollment.revoke')
  revoke(@Caller() caller: ProjectCaller, @Input() input: InputOf<'enrollment.revoke'>) {
    return this.enrollment.revoke(caller, input);
  }
}
