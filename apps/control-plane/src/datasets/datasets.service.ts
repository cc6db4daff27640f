import { Inject, Injectable } from '@nestjs/common';
import { datasetPathProblems, Id, Preprocess, type Dataset, type DatasetFile, type DatasetRef } from '@verge/contracts';
import { z } from 'zod';
import { AuditService } from '../audit/audit.service.js';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { DatabaseService, isUniqueViolation, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { fromNullable, toJson, toNullableJson } from '../json.js';
import { FileLists } from './file-list.service.js';

/** A row without its list of files, which may be long and is a blob. */
export const withoutFiles = { files: true } as const;
type Row = Prisma.DatasetGetPayload<{ omit: typeof withoutFiles }>;
const Labels = z.array(z.string());
const MOST_ERRORS = 100;

const datasetList = new List<'datasets.list', Prisma.DatasetWhereInput>({
  search: ['name'],
  sorts: { createdAt: [], name: [{ path: 'name', kind: 'text' }], bytes: [{ path: 'bytes', kind: 'bigint' }] },
  filters: {},
});

@Injectable()
export class DatasetsService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(BlobReferences) private readonly blobs: BlobReferences,
    @Inject(FileLists) private readonly lists: FileLists,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {}

  async list(projectId: string, { query }: InputOf<'datasets.list'>) {
    return await datasetList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.dataset.findMany({ ...args, omit: withoutFiles }),
      count: (args) => this.database.dataset.count(args),
      present: (rows) => rows.map(presentDataset),
    });
  }

  async create(caller: ProjectCaller, { body }: InputOf<'datasets.create'>): Promise<Dataset> {
    const projectId = caller.project.id;
    const { preprocess, files: named, list, labels, ...plain } = body;
    const files = named ?? (await this.lists.read(projectId, list!));
    await this.checkFiles(projectId, files, named ? '/files' : '/list');
    const bytes = BigInt(files.reduce((sum, f) => sum + f.bytes, 0));
    const digest = await this.lists.write(projectId, files);
    const columns = { files: [], labels: toJson(labels), preprocess: toNullableJson(preprocess) };
    const data = { projectId, ...plain, ...columns, bytes, fileCount: files.length, digest };
    const row = await this.database.$transaction(async (db) => {
      const made = await db.dataset
        .create({ data, omit: withoutFiles })
        .catch((error: unknown) => {
          throw isUniqueViolation(error)
            ? new ProblemError('CONFLICT', `there is already a data set ${body.name}`)
            : error;
        });
      await this.audit.byCaller(caller, 'dataset.create', { kind: 'dataset', id: made.id, name: made.name }, {}, db);
      return made;
    });
    this.bus.changed(projectId, 'dataset', row.id);
    return presentDataset(row);
  }

  /** Every file is a blob that the project holds, in the size it says, and its path is its own and stays in the folder. */
  private async checkFiles(projectId: string, files: readonly DatasetFile[], field: string): Promise<void> {
    const wanted = files.map((f, i) => ({ field: `${field}/${i}`, digest: f.digest, bytes: f.bytes }));
    const errors = await this.blobs.check(projectId, wanted);
    for (const { index, detail } of datasetPathProblems(files.map((file) => file.path)))
      errors.push({ field: `${field}/${index}/path`, detail });
    if (errors.length === 0) return;
    // A list may be wrong in a million places.
    const shown = errors.slice(0, MOST_ERRORS);
    const left = errors.length - shown.length;
    if (left > 0) shown.push({ field, detail: `and ${left} more` });
    throw ProblemError.invalid(shown);
  }

  async get(projectId: string, idOrName: string): Promise<Dataset> {
    return presentDataset(await this.find(projectId, idOrName));
  }

  async delete(caller: ProjectCaller, named: string): Promise<void> {
    const { id, name } = await this.find(caller.project.id, named);
    await this.deletions.delete(caller, { kind: 'dataset', id, name });
  }

  async files(projectId: string, { params, query }: InputOf<'datasets.files'>) {
    const row = await this.find(projectId, params.dataset);
    const from = query.cursor === undefined ? 0 : Number(Buffer.from(query.cursor, 'base64url').toString('utf8'));
    if (!Number.isSafeInteger(from) || from < 0) {
      throw ProblemError.invalid([{ field: '?cursor', detail: 'expected the nextCursor of an earlier answer' }]);
    }
    const { items, next } = await this.lists.page(row, from, query.limit);
    const nextCursor = next === null ? null : Buffer.from(String(next), 'utf8').toString('base64url');
    return { items, nextCursor, total: row.fileCount };
  }

  /** The data set as a job sees it; its list is in the store by then. */
  async reference(row: Row): Promise<DatasetRef> {
    await this.lists.ensure(row);
    const { id, name, format, digest, labels, preprocess, split } = presentDataset(row);
    return { id, name, format, digest, labels, preprocess, split };
  }

  /** @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<Row> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const row = await this.database.dataset.findFirst({ where: { projectId, ...key }, omit: withoutFiles });
    if (!row) throw ProblemError.notFound('data set', idOrName);
    return row;
  }
}

export function presentDataset(row: Row): Dataset {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    format: row.format as Dataset['format'],
    fileCount: row.fileCount,
    digest: row.digest,
    labels: Labels.parse(row.labels),
    preprocess: fromNullable(Preprocess, row.preprocess),
    split: row.split,
    source: row.source,
    license: row.license,
    bytes: Number(row.bytes),
    createdAt: row.createdAt.toISOString(),
  };
}
