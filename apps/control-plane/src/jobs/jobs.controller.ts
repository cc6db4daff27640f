import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf, type ProjectCaller } from '../http/index.js';
import { WorkList } from './work-list.service.js';

@Controller()
export class JobsController {
  constructor(@Inject(WorkList) private readonly work: WorkList) {}

  @Operation('jobs.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'jobs.list'>) {
    return this.work.list(caller.project.id, input);
  }
}
