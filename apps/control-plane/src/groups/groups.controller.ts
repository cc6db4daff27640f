import { Controller, Inject } from '@nestjs/common';
import type { ProjectCaller } from '../http/index.js';
import { Caller, Input, Operation, type InputOf } from '../http/index.js';
import { GroupsService } from './groups.service.js';

@Controller()
export class GroupsController {
  constructor(@Inject(GroupsService) private readonly groups: GroupsService) {}

  @Operation('groups.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'groups.list'>) {
    return this.groups.list(caller, input);
  }

  @Operation('groups.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'groups.create'>) {
    return this.groups.create(caller, input);
  }

  @Operation('groups.get')
  get(@Caller() caller: ProjectCaller, @Input() input: InputOf<'groups.get'>) {
    return this.groups.get(caller, input);
  }

  @Operation('groups.delete')
  remove(@Caller() caller: ProjectCaller, @Input() input: InputOf<'groups.delete'>) {
    return this.groups.remove(caller, input);
  }
}
