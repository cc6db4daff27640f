import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import type { ControlPlaneConfig } from '../config.js';
import { CONFIG } from '../core.js';
import { AuthorityService } from './authority.service.js';

@Global()
@Module({
  providers: [
    {
      provide: AuthorityService,
      inject: [CONFIG],
      useFactory: (config: ControlPlaneConfig) =>
        AuthorityService.open(join(config.dataDir, 'authority'), config.publicHost),
    },
  ],
  exports: [AuthorityService],
})
export class AuthorityModule {}
