import { Controller, Inject } from '@nestjs/common';
import type { ProjectCaller } from '../http/index.js';
import { Caller, Input, Operation, type InputOf } from '../http/index.js';
import { DeviceDeletion } from './device-deletion.service.js';
import { DevicesService } from './devices.service.js';

@Controller()
export class DevicesController {
  constructor(
    @Inject(DevicesService) private readonly devices: DevicesService,
    @Inject(DeviceDeletion) private readonly deletion: DeviceDeletion,
  ) {}

  @Operation('devices.list')
  list(@Caller() caller: ProjectCaller, @Input() input: InputOf<'devices.list'>) {
    return this.devices.list(caller, input);
  }

  @Operation('devices.classes')
  classes(@Caller() caller: ProjectCaller) {
    return this.devices.classes(caller);
  }

  @Operation('devices.get')
  get(@Caller() caller: ProjectCaller, @Input() input: InputOf<'devices.get'>) {
    return this.devices.get(caller, input.params.device);
  }

  @Operation('devices.update')
  update(@Caller() caller: ProjectCaller, @Input() input: InputOf<'devices.update'>) {
    return this.devices.update(caller, input);
  }

  @Operation('devices.revoke')
  revoke(@Caller() caller: ProjectCaller, @Input() input: InputOf<'devices.revoke'>) {
    return this.devices.revoke(caller, input);
  }

  @Operation('devices.delete')
  delete(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'devices.delete'>) {
    return this.deletion.delete(caller, params.device);
  }

  @Operation('devices.events')
  events(@Caller() caller: ProjectCaller, @Input() input: InputOf<'devices.events'>) {
    return this.devices.events(caller, input);
  }
}
