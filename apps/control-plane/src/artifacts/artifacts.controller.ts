import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf, type ProjectCaller } from '../http/index.js';
import { ArtifactsService } from './artifacts.service.js';

@Controller()
export class ArtifactsController {
  constructor(@Inject(ArtifactsService) private readonly artifacts: ArtifactsService) {}

  @Operation('artifacts.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'artifacts.list'>) {
    return this.artifacts.list(caller.project.id, input);
  }

  @Operation('artifacts.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'artifacts.get'>) {
    return this.artifacts.get(caller.project.id, params.artifact);
  }

  @Operation('artifacts.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'artifacts.delete'>) {
    return this.artifacts.delete(caller, params.artifact);
  }
}
