import { Module } from '@nestjs/common';
import { ArtifactsController } from './artifacts/artifacts.controller.js';
import { ArtifactsService } from './artifacts/artifacts.service.js';
import { CatalogModule } from './catalog.module.js';
import { CompressionsController } from './compressions/compressions.controller.js';
import { CompressionsService } from './compressions/compressions.service.js';
import { EvaluationsController } from './evaluations/evaluations.controller.js';
import { EvaluationsService } from './evaluations/evaluations.service.js';
import { JobsController } from './jobs/jobs.controller.js';
import { JobsService } from './jobs/jobs.service.js';
import { JobResults } from './jobs/results.js';
import { WorkEvents } from './jobs/work-events.service.js';
import { WorkList } from './jobs/work-list.service.js';
import { RecipesController } from './recipes/recipes.controller.js';
import { RecipesService } from './recipes/recipes.service.js';
import { TrainingsController } from './trainings/trainings.controller.js';
import { TrainingsService } from './trainings/trainings.service.js';
import { WorkersModule } from './workers/workers.module.js';

/** What workers do, and what comes of it. */
@Module({
  imports: [CatalogModule, WorkersModule],
  controllers: [
    JobsController,
    TrainingsController,
    RecipesController,
    CompressionsController,
    EvaluationsController,
    ArtifactsController,
  ],
  providers: [
    JobsService,
    JobResults,
    WorkEvents,
    WorkList,
    TrainingsService,
    RecipesService,
    CompressionsService,
    EvaluationsService,
    ArtifactsService,
  ],
  exports: [JobsService, ArtifactsService, WorkEvents],
})
export class WorkModule {}
