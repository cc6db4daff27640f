import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type AnyCaller, type InputOf } from '../http/index.js';
import { WorkersService } from './workers.service.js';

@Controller()
export class WorkersController {
  constructor(@Inject(WorkersService) private readonly workers: WorkersService) {}

  @Operation('workers.list')
  list(@Caller() caller: AnyCaller, @Input() input: InputOf<'workers.list'>) {
    return this.workers.list(caller, input);
  }

  @Operation('workers.get')
  get(@Caller() caller: AnyCaller, @Input() { params }: InputOf<'workers.get'>) {
    return this.workers.get(caller, params.worker);
  }
}
