import type { ServerResponse } from 'node:http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { Caller, openEventStream, Operation, type HttpRequest, type ProjectCaller } from '../http/index.js';
import { EventBus } from './event-bus.js';

@Controller()
export class EventsController {
  constructor(@Inject(EventBus) private readonly bus: EventBus) {}

  @Operation('events.stream')
  stream(@Caller() caller: ProjectCaller, @Req() request: HttpRequest, @Res() response: ServerResponse): void {
    const stream = openEventStream(request, response);
    // The reader connects again and reads the state, as it does after any cut.
    stream.onClose(this.bus.onGap(() => stream.close()));
    stream.onClose(this.bus.onProjectChange(caller.project.id, (event) => stream.send(event)));
  }
}
