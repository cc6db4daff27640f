import type { ServerResponse } from 'node:http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { HttpRequest, ProjectCaller } from '../http/index.js';
import { Caller, Input, openEventStream, Operation, type InputOf } from '../http/index.js';
import { RolloutsService } from './rollouts.service.js';

@Controller()
export class RolloutsController {
  constructor(@Inject(RolloutsService) private readonly rollouts: RolloutsService) {}

  @Operation('rollouts.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'rollouts.list'>) {
    return this.rollouts.list(caller, input);
  }

  @Operation('rollouts.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'rollouts.create'>) {
    return this.rollouts.create(caller, input);
  }

  @Operation('rollouts.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'rollouts.get'>) {
    return this.rollouts.get(caller, params.rollout);
  }

  @Operation('rollouts.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'rollouts.delete'>) {
    return this.rollouts.delete(caller, params.rollout);
  }

  @Operation('rollouts.devices')
  devices(@Caller() caller: ProjectCaller, @Input() input: InputOf<'rollouts.devices'>) {
    return this.rollouts.devices(caller, input);
  }

  @Operation('rollouts.pause')
  pause(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'rollouts.pause'>) {
    return this.rollouts.command(caller, params.rollout, 'pause');
  }

  @Operation('rollouts.resume')
  resume(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'rollouts.resume'>) {
    return this.rollouts.command(caller, params.rollout, 'resume');
  }

  @Operation('rollouts.cancel')
  cancel(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'rollouts.cancel'>) {
    return this.rollouts.command(caller, params.rollout, 'cancel');
  }

  @Operation('rollouts.revert')
  revert(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'rollouts.revert'>) {
    return this.rollouts.command(caller, params.rollout, 'revert');
  }

  @Operation('rollouts.events')
  events(
    @Caller() caller: ProjectCaller,
    @Input() { params }: InputOf<'rollouts.events'>,
    @Req() request: HttpRequest,
    @Res() response: ServerResponse,
  ) {
    return this.rollouts.follow(caller, params.rollout, () => openEventStream(request, response));
  }
}
