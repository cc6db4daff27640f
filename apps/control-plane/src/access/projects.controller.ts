import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf } from '../http/operation.js';
import type { AnyCaller, ProjectCaller } from '../http/request.js';
import { Removals } from '../deletion/removals.service.js';
import { presentProject } from './present.js';
import { ProjectDeletion } from './project-deletion.service.js';
import { ProjectsService } from './projects.service.js';

@Controller()
export class ProjectsController {
  constructor(
    @Inject(ProjectsService) private readonly projects: ProjectsService,
    @Inject(ProjectDeletion) private readonly deletion: ProjectDeletion,
    @Inject(Removals) private readonly removals: Removals,
  ) {}

  @Operation('projects.list')
  list(@Caller() caller: AnyCaller, @Input() input: InputOf<'projects.list'>) {
    return this.projects.list(caller, input);
  }

  @Operation('projects.create')
  create(@Caller() caller: AnyCaller, @Input() input: InputOf<'projects.create'>) {
    return this.projects.create(caller, input);
  }

  @Operation('projects.get')
  get(@Caller() caller: ProjectCaller) {
    return presentProject(caller.project, caller.role);
  }

  @Operation('projects.delete')
  delete(@Caller() caller: ProjectCaller, @Input() input: InputOf<'projects.delete'>) {
    return this.deletion.delete(caller, input);
  }

  @Operation('removals.list')
  listRemovals(@Input() input: InputOf<'removals.list'>) {
    return this.removals.list(input);
  }

  @Operation('members.list')
  members(@Caller() caller: ProjectCaller, @Input() input: InputOf<'members.list'>) {
    return this.projects.members(caller, input);
  }

  @Operation('members.add')
  addMember(@Caller() caller: ProjectCaller, @Input() input: InputOf<'members.add'>) {
    return this.projects.addMember(caller, input);
  }

  @Operation('members.update')
  updateMember(@Caller() caller: ProjectCaller, @Input() input: InputOf<'members.update'>) {
    return this.projects.updateMember(caller, input);
  }

  @Operation('members.remove')
  removeMember(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'members.remove'>) {
    return this.projects.removeMember(caller, params.user);
  }
}
