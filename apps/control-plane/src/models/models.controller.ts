import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf, type ProjectCaller } from '../http/index.js';
import { LineageService } from './lineage.service.js';
import { ModelsService } from './models.service.js';
import { presentVersion, VersionsService } from './versions.service.js';

@Controller()
export class ModelsController {
  constructor(
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(LineageService) private readonly lineage: LineageService,
  ) {}

  @Operation('models.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'models.list'>) {
    return this.models.list(caller.project.id, input);
  }

  @Operation('models.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'models.create'>) {
    return this.models.create(caller, input);
  }

  @Operation('models.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'models.get'>) {
    return this.models.get(caller.project.id, params.model);
  }

  @Operation('models.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'models.delete'>) {
    return this.models.delete(caller, params.model);
  }

  @Operation('versions.list')
  listVersions(@Caller() caller: ProjectCaller, @Input() input: InputOf<'versions.list'>) {
    return this.versions.list(caller.project.id, input);
  }

  @Operation('versions.import')
  importVersion(@Caller() caller: ProjectCaller, @Input() input: InputOf<'versions.import'>) {
    return this.versions.import(caller, input);
  }

  @Operation('versions.get')
  async getVersion(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'versions.get'>) {
    return presentVersion(await this.versions.find(caller.project.id, params.version));
  }

  @Operation('versions.delete')
  deleteVersion(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'versions.delete'>) {
    return this.versions.delete(caller, params.version);
  }

  @Operation('versions.lineage')
  lineageOf(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'versions.lineage'>) {
    return this.lineage.of(caller.project.id, params.version);
  }
}
