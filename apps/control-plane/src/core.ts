/** What every module may ask for. Classes are their own tokens; the rest is named here. */
import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import type { Logger } from 'pino';
import { AuthenticationService } from './access/authentication.service.js';
import { OpenStreams } from './access/open-streams.js';
import { AuditService } from './audit/audit.service.js';
import { Refusals } from './audit/refusals.js';
import type { ControlPlaneConfig } from './config.js';
import { BLOBS, CONFIG, LOGGER } from './core-tokens.js';
import { DatabaseService } from './database/database.service.js';
import { Deletions } from './deletion/deletions.service.js';
import { Removals } from './deletion/removals.service.js';
import { EventBus } from './events/event-bus.js';

export { BLOBS, CONFIG, LOGGER };

export interface Core {
  readonly config: ControlPlaneConfig;
  readonly database: DatabaseService;
  readonly blobs: BlobStore;
  readonly bus: EventBus;
  readonly log: Logger;
}

@Global()
@Module({})
export class CoreModule {
  static with(core: Core): DynamicModule {
    const provided = [
      { provide: CONFIG, useValue: core.config },
      { provide: BLOBS, useValue: core.blobs },
      { provide: LOGGER, useValue: core.log },
      { provide: DatabaseService, useValue: core.database },
      { provide: EventBus, useValue: core.bus },
      { provide: AuditService, useValue: new AuditService(core.database) },
      Refusals,
      AuthenticationService,
      OpenStreams,
      Deletions,
      Removals,
    ];
    return {
      module: CoreModule,
      providers: provided,
      exports: [
        CONFIG,
        BLOBS,
        LOGGER,
        DatabaseService,
        EventBus,
        AuditService,
        Refusals,
        AuthenticationService,
        OpenStreams,
        Deletions,
        Removals,
      ],
    };
  }
}
