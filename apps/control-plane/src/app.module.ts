import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { AccessModule } from './access/access.module.js';
import { CatalogModule } from './catalog.module.js';
import { CoreModule, type Core } from './core.js';
import { FleetModule } from './gateway/fleet.module.js';
import { IdempotencyInterceptor } from './http/idempotency.interceptor.js';
import { OperationReader } from './http/operation-reader.js';
import { PreconditionInterceptor } from './http/precondition.interceptor.js';
import { OperationGuard } from './http/operation.guard.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ResponseInterceptor } from './http/response.interceptor.js';
import { SiteModule } from './site/site.module.js';
import { WorkModule } from './work.module.js';

@Module({})
export class AppModule {
  static with(core: Core): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DiscoveryModule,
        CoreModule.with(core),
        AccessModule,
        CatalogModule,
        WorkModule,
        SiteModule,
        FleetModule,
      ],
      providers: [
        { provide: APP_GUARD, useClass: OperationGuard },
        OperationReader,
        // From the outside in: what is answered, the same for a repetition; what was answered before; whether it may be done.
        { provide: APP_INTERCEPTOR, useClass: ResponseInterceptor },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_INTERCEPTOR, useClass: PreconditionInterceptor },
        { provide: APP_FILTER, useValue: new ProblemFilter(core.log) },
      ],
    };
  }
}
