import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf, type ProjectCaller } from '../http/index.js';
import { DatasetsService } from './datasets.service.js';

@Controller()
export class DatasetsController {
  constructor(@Inject(DatasetsService) private readonly datasets: DatasetsService) {}

  @Operation('datasets.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'datasets.list'>) {
    return this.datasets.list(caller.project.id, input);
  }

  @Operation('datasets.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'datasets.create'>) {
    return this.datasets.create(caller, input);
  }

  @Operation('datasets.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'datasets.get'>) {
    return this.datasets.get(caller.project.id, params.dataset);
  }

  @Operation('datasets.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'datasets.delete'>) {
    return this.datasets.delete(caller, params.dataset);
  }

  @Operation('datasets.files')
  files(@Caller() caller: ProjectCaller, @Input() input: InputOf<'datasets.files'>) {
    return this.datasets.files(caller.project.id, input);
  }
}
