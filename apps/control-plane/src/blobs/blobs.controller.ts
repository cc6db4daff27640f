import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import { AuditService } from '../audit/audit.service.js';
import type { ControlPlaneConfig } from '../config.js';
import { BLOBS, CONFIG } from '../core.js';
import {
  Caller,
  Input,
  Operation,
  ProblemError,
  type HttpRequest,
  type InputOf,
  type ProjectCaller,
} from '../http/index.js';
import type { BlobRef } from '@verge/contracts';
import { BlobParts } from './blob-parts.service.js';
import { BlobReferences } from './blob-references.service.js';
import { parseRange } from './byte-range.js';

@Controller()
export class BlobsController {
  constructor(
    @Inject(BLOBS) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(BlobReferences) private readonly references: BlobReferences,
    @Inject(BlobParts) private readonly parts: BlobParts,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  /** The bytes are read and checked even when the store has them already: only who has the bytes gets the reference. */
  @Operation('blobs.put')
  async put(
    @Caller() caller: ProjectCaller,
    @Input() { params }: InputOf<'blobs.put'>,
    @Req() request: HttpRequest,
  ): Promise<{ digest: string; bytes: number }> {
    const maxBytes = this.config.maxBlobBytes;
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      throw new ProblemError('BODY_TOO_LARGE', `expected a blob of at most ${maxBytes} bytes`);
    }
    const blob = await this.store.put(request, { digest: params.digest, maxBytes });
    await this.keep(caller, blob);
    return blob;
  }

  @Operation('blobs.missing')
  async missing(@Caller() caller: ProjectCaller, @Input() { body }: InputOf<'blobs.missing'>) {
    return { missing: await this.references.missingOf(caller.project.id, body.digests) };
  }

  @Operation('blobs.part.get')
  async part(@Caller() caller: ProjectCaller, @Input() { params }: InputOf<'blobs.part.get'>) {
    const { digest } = params;
    const bytes = await this.references.touch(caller.project.id, digest);
    const received = bytes ?? (await this.parts.received(caller.project.id, digest));
    return { digest, received, stored: bytes !== null };
  }

  @Operation('blobs.part.put')
  async putPart(
    @Caller() caller: ProjectCaller,
    @Input() { params, query }: InputOf<'blobs.part.put'>,
    @Req() request: HttpRequest,
  ) {
    const { digest } = params;
    const received = await this.parts.append(caller.project.id, digest, query.offset, request);
    if (!query.last) return { digest, received, stored: false };
    const blob = await this.parts.finish(caller.project.id, digest);
    await this.keep(caller, blob);
    return { digest, received, stored: true };
  }

  private async keep(caller: ProjectCaller, blob: BlobRef): Promise<void> {
    const held = await this.references.find(caller.project.id, blob.digest);
    await this.references.keep(caller.project.id, [blob]);
    if (held !== null) return;
    const subject = { kind: 'blob', id: blob.digest, name: blob.digest };
    await this.audit.byCaller(caller, 'blob.create', subject, { bytes: blob.bytes });
  }

  // Before GET: Express answers HEAD through a GET handler where there is one.
  @Operation('blobs.head')
  async head(
    @Caller() caller: ProjectCaller,
    @Input() { params }: InputOf<'blobs.head'>,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const bytes = await this.sizeOf(caller, params.digest);
    blobHeaders(response, params.digest, bytes);
    response.end();
  }

  @Operation('blobs.get')
  async get(
    @Caller() caller: ProjectCaller,
    @Input() { params }: InputOf<'blobs.get'>,
    @Req() request: HttpRequest,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const bytes = await this.sizeOf(caller, params.digest);
    const range = parseRange(request.headers.range, bytes);
    if (range === 'unsatisfiable') {
      // RFC 9110, section 15.5.17.
      const headers = { 'content-range': `bytes */${bytes}` };
      throw new ProblemError('RANGE_NOT_SATISFIABLE', `expected a range within ${bytes} bytes`, [], { headers });
    }
    const body = await this.store.get(params.digest, range === 'whole' ? {} : range);
    blobHeaders(response, params.digest, range === 'whole' ? bytes : range.length);
    if (range !== 'whole') {
      response.statusCode = 206;
      response.setHeader('content-range', `bytes ${range.offset}-${range.offset + range.length - 1}/${bytes}`);
    }
    // A reader that goes away is no failure.
    await pipeline(body, response).catch(() => response.destroy());
  }

  private async sizeOf(caller: ProjectCaller, digest: string): Promise<number> {
    const bytes = await this.references.find(caller.project.id, digest);
    if (bytes === null) throw ProblemError.notFound('blob', digest);
    return bytes;
  }
}

function blobHeaders(response: ServerResponse, digest: string, length: number): void {
  response.statusCode = 200;
  response.setHeader('content-type', 'application/octet-stream');
  response.setHeader('content-length', length);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('etag', `"${digest}"`);
  // A digest names the same bytes for ever; whether a caller may have them is asked each time.
  response.setHeader('cache-control', 'private, no-cache');
}
