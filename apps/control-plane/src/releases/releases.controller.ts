import { Controller, Inject } from '@nestjs/common';
import type { ProjectCaller } from '../http/index.js';
import { Caller, Input, Operation, type InputOf } from '../http/index.js';
import { ReleaseRepositoryService } from './repository.service.js';
import { ReleasesService } from './releases.service.js';

@Controller()
export class ReleasesController {
  constructor(
    @Inject(ReleasesService) private readonly releases: ReleasesService,
    @Inject(ReleaseRepositoryService) private readonly repository: ReleaseRepositoryService,
  ) {}

  @Operation('releases.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'releases.list'>) {
    return this.releases.list(caller, input);
  }

  @Operation('releases.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'releases.create'>) {
    return this.releases.create(caller, input);
  }

  @Operation('releases.get')
  get(@Caller() caller: ProjectCaller, @Input() input: InputOf<'releases.get'>) {
    return this.releases.get(caller, input);
  }

  @Operation('releases.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'releases.delete'>) {
    return this.releases.delete(caller, params.release);
  }

  @Operation('releases.metadata')
  metadata(@Caller() caller: ProjectCaller) {
    return this.repository.files(caller.project.id);
  }

  @Operation('releases.publishMetadata')
  publishMetadata(@Caller() caller: ProjectCaller, @Input() input: InputOf<'releases.publishMetadata'>) {
    return this.repository.publish(caller, input);
  }

  @Operation('releases.repository')
  describe(@Caller() caller: ProjectCaller) {
    return this.repository.describe(caller.project.id);
  }
}
