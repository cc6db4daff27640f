import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf, type ProjectCaller } from '../http/index.js';
import { EvaluationsService } from './evaluations.service.js';

@Controller()
export class EvaluationsController {
  constructor(@Inject(EvaluationsService) private readonly evaluations: EvaluationsService) {}

  @Operation('evaluations.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'evaluations.list'>) {
    return this.evaluations.list(caller.project.id, input);
  }

  @Operation('evaluations.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'evaluations.create'>) {
    return this.evaluations.create(caller, input);
  }

  @Operation('evaluations.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'evaluations.get'>) {
    return this.evaluations.get(caller.project.id, params.evaluation);
  }

  @Operation('evaluations.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'evaluations.delete'>) {
    return this.evaluations.delete(caller, params.evaluation);
  }

  @Operation('evaluations.cancel')
  cancel(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'evaluations.cancel'>) {
    return this.evaluations.cancel(caller, params.evaluation);
  }
}
