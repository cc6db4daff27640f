import { Module } from '@nestjs/common';
import { CatalogModule } from '../catalog.module.js';
import { PackingWorker } from './packing-worker.service.js';
import { Packings } from './packings.service.js';

/** Packed forms of artifacts' files. */
@Module({ imports: [CatalogModule], providers: [PackingWorker, Packings], exports: [Packings] })
export class PackingModule {}
