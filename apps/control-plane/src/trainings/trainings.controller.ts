import type { ServerResponse } from 'node:http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { Caller, Input, Operation, type HttpRequest, type InputOf, type ProjectCaller } from '../http/index.js';
import { WorkEvents } from '../jobs/work-events.service.js';
import { TrainingsService } from './trainings.service.js';

@Controller()
export class TrainingsController {
  constructor(
    @Inject(TrainingsService) private readonly trainings: TrainingsService,
    @Inject(WorkEvents) private readonly work: WorkEvents,
  ) {}

  @Operation('trainings.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'trainings.list'>) {
    return this.trainings.list(caller.project.id, input);
  }

  @Operation('trainings.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'trainings.create'>) {
    return this.trainings.create(caller, input);
  }

  @Operation('trainings.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'trainings.get'>) {
    return this.trainings.get(caller.project.id, params.training);
  }

  @Operation('trainings.report')
  report(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'trainings.report'>) {
    return this.trainings.report(caller.project.id, params.training);
  }

  @Operation('trainings.points')
  points(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'trainings.points'>) {
    return this.trainings.points(caller.project.id, params.training);
  }

  @Operation('trainings.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'trainings.delete'>) {
    return this.trainings.delete(caller, params.training);
  }

  @Operation('trainings.cancel')
  cancel(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'trainings.cancel'>) {
    return this.trainings.cancel(caller, params.training);
  }

  @Operation('trainings.events')
  events(
    @Caller() caller: ProjectCaller,
    @Input() { params }: InputOf<'trainings.events'>,
    @Req() request: HttpRequest,
    @Res() response: ServerResponse,
  ) {
    return this.work.stream({ projectId: caller.project.id, id: params.training, kind: 'train' }, request, response);
  }
}
