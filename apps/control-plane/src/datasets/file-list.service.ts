/**
 * The list of a data set's files is a blob of its own, named by the data set's digest (`datasetText`): there may be a million
 * files, and neither a row, a job nor an answer carries them all.
 */
import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import { DatasetFile, datasetLimits, datasetText, parseDatasetText } from '@verge/contracts';
import { z } from 'zod';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { BLOBS } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import { ProblemError } from '../http/index.js';

/** A line is two digests, a number and a path of at most 255 characters, of up to four bytes each. */
const LONGEST_LINE = 1200;

export interface FilePage {
  readonly items: DatasetFile[];
  /** Byte of the list where the next page begins; null after the last. */
  readonly next: number | null;
}

@Injectable()
export class FileLists {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(BLOBS) private readonly store: BlobStore,
    @Inject(BlobReferences) private readonly references: BlobReferences,
  ) {}

  /**
   * The files of a list that the project has sent as a blob.
   * @throws ProblemError VALIDATION_FAILED for a blob that is not there, is too large or is no such list
   */
  async read(projectId: string, digest: string): Promise<DatasetFile[]> {
    const refuse = (detail: string): ProblemError => ProblemError.invalid([{ field: '/list', detail }]);
    const bytes = await this.references.find(projectId, digest);
    if (bytes === null) throw refuse('expected the digest of a blob that this project holds');
    if (bytes > datasetLimits.listBytes) throw refuse(`expected a list of at most ${datasetLimits.listBytes} bytes`);
    let files: DatasetFile[];
    try {
      files = parseDatasetText(new TextDecoder('utf-8', { fatal: true }).decode(await this.store.read(digest)));
    } catch (cause) {
      throw refuse(cause instanceof TypeError ? 'expected UTF-8' : (cause as Error).message);
    }
    if (files.length > datasetLimits.listedFiles) throw refuse(`expected at most ${datasetLimits.listedFiles} files`);
    return files;
  }

  /** Stores the list, as the project's own. @returns its digest, which is the data set's */
  async write(projectId: string, files: readonly DatasetFile[]): Promise<string> {
    const blob = await this.store.put(new TextEncoder().encode(datasetText(files)));
    await this.references.keep(projectId, [blob]);
    return blob.digest;
  }

  /** A data set that was registered before lists were blobs has its files in its row: its list is written when it is needed. */
  async ensure(dataset: { id: string; projectId: string; digest: string }): Promise<void> {
    if (await this.store.stat(dataset.digest)) return;
    const row = await this.database.dataset.findUniqueOrThrow({ where: { id: dataset.id }, select: { files: true } });
    await this.write(dataset.projectId, z.array(DatasetFile).parse(row.files));
  }

  /** At most `limit` files from a byte of the list on, read without the rest of it. */
  async page(dataset: { id: string; projectId: string; digest: string }, from: number, limit: number): Promise<FilePage> {
    await this.ensure(dataset);
    const total = (await this.store.stat(dataset.digest))?.bytes ?? 0;
    // One byte more in front: a page begins where a line begins.
    const start = Math.max(0, from - 1);
    if (from > total) throw badCursor();
    const length = (limit + 1) * LONGEST_LINE;
    const bytes = await collect(await this.store.get(dataset.digest, { offset: start, length }));
    if (from > 0 && bytes[0] !== NEW_LINE) throw badCursor();
    let at = from - start;
    const items: DatasetFile[] = [];
    while (items.length < limit) {
      const end = bytes.indexOf(NEW_LINE, at);
      if (end < 0) break;
      items.push(...parseDatasetText(bytes.toString('utf8', at, end + 1)));
      at = end + 1;
    }
    const next = start + at;
    return { items, next: next < total ? next : null };
  }
}

const NEW_LINE = 0x0a;
const badCursor = (): ProblemError =>
  ProblemError.invalid([{ field: '?cursor', detail: 'expected the nextCursor of an earlier answer' }]);

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
