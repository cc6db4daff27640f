import { Controller, Inject } from '@nestjs/common';
import type { ProjectCaller } from '../http/index.js';
import { Caller, Input, Operation, type InputOf } from '../http/index.js';
import { TelemetryService } from './telemetry.service.js';

@Controller()
export class TelemetryController {
  constructor(@Inject(TelemetryService) private readonly telemetry: TelemetryService) {}

  @Operation('telemetry.series')
  series(@Caller() caller: ProjectCaller, @Input() input: InputOf<'telemetry.series'>) {
    return this.telemetry.series(caller, input);
  }

  @Operation('telemetry.totals')
  totals(@Caller() caller: ProjectCaller, @Input() input: InputOf<'telemetry.totals'>) {
    return this.telemetry.totals(caller, input);
  }
}
