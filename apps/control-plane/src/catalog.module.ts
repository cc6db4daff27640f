import { Module } from '@nestjs/common';
import { BlobParts } from './blobs/blob-parts.service.js';
import { BlobReferences } from './blobs/blob-references.service.js';
import { BlobCollectionsController } from './blobs/collection/collections.controller.js';
import { BlobCollections } from './blobs/collection/collections.service.js';
import { BlobsController } from './blobs/blobs.controller.js';
import { DatasetsController } from './datasets/datasets.controller.js';
import { DatasetsService } from './datasets/datasets.service.js';
import { FileLists } from './datasets/file-list.service.js';
import { LineageService } from './models/lineage.service.js';
import { ModelsController } from './models/models.controller.js';
import { ModelsService } from './models/models.service.js';
import { VersionsService } from './models/versions.service.js';

/** What there is to work with: blobs, data sets, models and their versions. */
@Module({
  controllers: [BlobsController, BlobCollectionsController, DatasetsController, ModelsController],
  providers: [
    BlobReferences,
    BlobParts,
    BlobCollections,
    FileLists,
    DatasetsService,
    ModelsService,
    VersionsService,
    LineageService,
  ],
  exports: [BlobReferences, DatasetsService, ModelsService, VersionsService],
})
export class CatalogModule {}
