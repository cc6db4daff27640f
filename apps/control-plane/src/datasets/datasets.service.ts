import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DatasetFile, datasetText, Id, Preprocess, type Dataset, type DatasetRef } from '@verge/contracts';
import { z } from 'zod';
import { AuditService } from '../audit/audit.service.js';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { DatabaseService, isUniqueViolation, type Prisma } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import { pageWhere, pageWindow, ProblemError, toPage, type InputOf, type ProjectCaller } from '../http/index.js';
import { fromNullable, toJson, toNullableJson } from '../json.js';

type Row = Prisma.DatasetGetPayload<object>;
const Files = z.array(DatasetFile);
const Labels = z.array(z.string());

@Injectable()
export class DatasetsService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(BlobReferences) private readonly blobs: BlobReferences,
  ) {}

  async list(projectId: string, { query }: InputOf<'datasets.list'>) {
    const where = { projectId, ...pageWhere(query) };
    return toPage(await this.database.dataset.findMany({ where, ...pageWindow(query) }), query, presentDataset);
  }

  async create(caller: ProjectCaller, { body }: InputOf<'datasets.create'>): Promise<Dataset> {
    const projectId = caller.project.id;
    const errors = await this.blobs.check(
      projectId,
      body.files.map((f, i) => ({ field: `/files/${i}`, digest: f.digest, bytes: f.bytes })),
    );
    const paths = new Set<string>();
    body.files.forEach(({ path }, i) => {
      if (paths.has(path)) errors.push({ field: `/files/${i}/path`, detail: 'expected a path that occurs once' });
      paths.add(path);
    });
    if (errors.length > 0) throw ProblemError.invalid(errors);
    const { preprocess, files, labels, ...plain } = body;
    const bytes = BigInt(files.reduce((sum, f) => sum + f.bytes, 0));
    const columns = { files: toJson(files), labels: toJson(labels), preprocess: toNullableJson(preprocess), bytes };
    const row = await this.database.$transaction(async (db) => {
      const made = await db.dataset
        .create({ data: { projectId, ...plain, ...columns, digest: digestOfFiles(files) } })
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

  async get(projectId: string, idOrName: string): Promise<Dataset> {
    return presentDataset(await this.find(projectId, idOrName));
  }

  /** @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<Row> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const row = await this.database.dataset.findFirst({ where: { projectId, ...key } });
    if (!row) throw ProblemError.notFound('data set', idOrName);
    return row;
  }
}

export function digestOfFiles(files: readonly DatasetFile[]): string {
  return `sha256:${createHash('sha256').update(datasetText(files)).digest('hex')}`;
}

export function presentDataset(row: Row): Dataset {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    format: row.format as Dataset['format'],
    files: Files.parse(row.files),
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

/** The data set as a job sees it. */
export function datasetRef(row: Row): DatasetRef {
  const { id, name, format, files, labels, preprocess, split } = presentDataset(row);
  return { id, name, format, files, labels, preprocess, split };
}
