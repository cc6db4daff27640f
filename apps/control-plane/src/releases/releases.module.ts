import { Module } from '@nestjs/common';
import { ReleasesController } from './releases.controller.js';
import { ReleaseRepositoryService } from './repository.service.js';
import { ReleasesService } from './releases.service.js';

@Module({
  controllers: [ReleasesController],
  providers: [ReleasesService, ReleaseRepositoryService],
  exports: [ReleasesService],
})
export class ReleasesModule {}
