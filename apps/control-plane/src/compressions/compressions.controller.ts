import type { ServerResponse } from 'node:http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { Caller, Input, Operation, type HttpRequest, type InputOf, type ProjectCaller } from '../http/index.js';
import { WorkEvents } from '../jobs/work-events.service.js';
import { CompressionsService } from './compressions.service.js';

@Controller()
export class CompressionsController {
  constructor(
    @Inject(CompressionsService) private readonly compressions: CompressionsService,
    @Inject(WorkEvents) private readonly work: WorkEvents,
  ) {}

  @Operation('compressions.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'compressions.list'>) {
    return this.compressions.list(caller.project.id, input);
  }

  @Operation('compressions.create')
  create(@Caller() caller: ProjectCaller, @Input() input: InputOf<'compressions.create'>) {
    return this.compressions.create(caller, input);
  }

  @Operation('compressions.get')
  get(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'compressions.get'>) {
    return this.compressions.get(caller.project.id, params.compression);
  }

  @Operation('compressions.search')
  async search(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'compressions.search'>) {
    return { report: await this.compressions.searched(caller.project.id, params.compression) };
  }

  @Operation('compressions.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'compressions.delete'>) {
    return this.compressions.delete(caller, params.compression);
  }

  @Operation('compressions.cancel')
  cancel(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'compressions.cancel'>) {
    return this.compressions.cancel(caller, params.compression);
  }

  @Operation('compressions.events')
  events(
    @Caller() caller: ProjectCaller,
    @Input() { params }: InputOf<'compressions.events'>,
    @Req() request: HttpRequest,
    @Res() response: ServerResponse,
  ) {
    const of = { projectId: caller.project.id, id: params.compression, kind: 'compress' as const };
    return this.work.stream(of, request, response);
  }
}
