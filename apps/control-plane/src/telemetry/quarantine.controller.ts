import { Controller, Inject } from '@nestjs/common';
import type { ProjectCaller } from '../http/index.js';
import { Caller, Input, Operation, type InputOf } from '../http/index.js';
import { QuarantineService } from './quarantine.service.js';

@Controller()
export class QuarantineController {
  constructor(@Inject(QuarantineService) private readonly quarantine: QuarantineService) {}

  @Operation('quarantine.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'quarantine.list'>) {
    return this.quarantine.list(caller, input);
  }

  @Operation('quarantine.delete')
  remove(@Caller() caller: ProjectCaller, @Input() input: InputOf<'quarantine.delete'>) {
    return this.quarantine.remove(caller, input);
  }

  @Operation('quarantine.clear')
  clear(@Caller() caller: ProjectCaller, @Input() input: InputOf<'quarantine.clear'>) {
    return this.quarantine.clear(caller, input);
  }
}
