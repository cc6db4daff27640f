import { Controller, Inject } from '@nestjs/common';
import { Caller, Input, Operation, type AnyCaller, type InputOf } from '../../http/index.js';
import { BlobCollections } from './collections.service.js';

@Controller()
export class BlobCollectionsController {
  constructor(@Inject(BlobCollections) private readonly collections: BlobCollections) {}

  @Operation('blobs.usage')
  usage() {
    return this.collections.usage();
  }

  @Operation('blobs.collect')
  collect(@Caller() caller: AnyCaller, @Input() input: InputOf<'blobs.collect'>) {
    return this.collections.begin(caller, input);
  }

  @Operation('blobs.collections')
  list(@Input() input: InputOf<'blobs.collections'>) {
    return this.collections.list(input);
  }

  @Operation('blobs.collection')
  get(@Input() { params }: InputOf<'blobs.collection'>) {
    return this.collections.get(params.collection);
  }
}
