import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type InputOf } from '../http/operation.js';
import type { AnyCaller, ProjectCaller } from '../http/request.js';
import { presentProject } from './present.js';
import { ProjectsService } from './projects.service.js';

@Controller()
export class ProjectsController {
  constructor(@Inject(ProjectsService) private readonly projects: ProjectsService) {}

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
