import { Inject, Injectable } from '@nestjs/common';
import {
  Accuracy,
  Id,
  ModelPorts,
  Preprocess,
  TensorSpec,
  VersionMetrics,
  type Task,
  type Version,
  type VersionRef,
} from '@verge/contracts';
import { z } from 'zod';
import { AuditService } from '../audit/audit.service.js';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { DatabaseService, type Db, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { fromNullable, toJson, toNullableJson } from '../json.js';
import { ModelsService } from './models.service.js';
import { portProblems } from './port-problems.js';

export const versionInclude = { model: true } as const;
export type VersionRow = Prisma.VersionGetPayload<{ include: typeof versionInclude }>;

export type NewVersion = Omit<Prisma.VersionUncheckedCreateInput, 'id' | 'number' | 'modelId' | 'projectId'>;

@Injectable()
export class VersionsService {
  private readonly versions = new List<'versions.list', Prisma.VersionWhereInput>({
    search: ['model.name'],
    sorts: {
      createdAt: [],
      version: [{ path: 'number', kind: 'integer' }],
      bytes: [{ path: 'bytes', kind: 'bigint' }],
    },
    filters: {
      model: async (value, projectId) => ({ modelId: (await this.models.find(projectId, value)).id }),
      origin: (origin) => ({ origin }),
    },
  });

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(BlobReferences) private readonly blobs: BlobReferences,
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {}

  async list(projectId: string, { query }: InputOf<'versions.list'>) {
    return await this.versions.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.version.findMany({ ...args, include: versionInclude }),
      count: (args) => this.database.version.count(args),
      present: (rows) => rows.map(presentVersion),
    });
  }

  async delete(caller: ProjectCaller, named: string): Promise<void> {
    const row = await this.find(caller.project.id, named);
    await this.deletions.delete(caller, {
      kind: 'version',
      id: row.id,
      name: nameOfVersion(row),
      also: () => Promise.resolve({ digest: row.digest }),
    });
    this.bus.changed(caller.project.id, 'model', row.modelId);
  }

  /** @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrNumber: string): Promise<VersionRow> {
    const [, name, number] = /^(.+)@([1-9][0-9]{0,8})$/.exec(idOrNumber) ?? [];
    const key = Id.safeParse(idOrNumber).success ? { id: idOrNumber } : null;
    const where = key ?? (name === undefined ? null : { model: { name }, number: Number(number) });
    const row =
      where && (await this.database.version.findFirst({ where: { projectId, ...where }, include: versionInclude }));
    if (!row) throw ProblemError.notFound('version', idOrNumber);
    return row;
  }

  /**
   * The next version of a model, in the caller's transaction. The model's row is locked until it ends, so that numbers
   * are handed out one after the other.
   */
  async append(db: Db, projectId: string, modelId: string, version: NewVersion): Promise<VersionRow> {
    const { lastVersion: number } = await db.model.update({
      where: { id: modelId },
      data: { lastVersion: { increment: 1 } },
    });
    return await db.version.create({ data: { ...version, projectId, modelId, number }, include: versionInclude });
  }

  async import(caller: ProjectCaller, { params, body }: InputOf<'versions.import'>): Promise<Version> {
    const projectId = caller.project.id;
    const model = await this.models.find(projectId, params.model);
    const errors = [
      ...(await this.blobs.check(projectId, [{ field: '/digest', digest: body.digest }])),
      ...portProblems(body),
    ];
    if (errors.length > 0) throw ProblemError.invalid(errors);
    const bytes = await this.blobs.find(projectId, body.digest);
    const row = await this.database.$transaction(async (db) => {
      const made = await this.append(db, projectId, model.id, {
        digest: body.digest,
        bytes: BigInt(bytes!),
        inputs: toJson(body.inputs),
        outputs: toJson(body.outputs),
        labels: body.labels,
        preprocess: toNullableJson(body.preprocess),
        ports: toJson(body.ports),
        origin: 'imported',
        metrics: { measurement: null, validation: null, test: null },
        notes: body.notes,
      });
      const subject = { kind: 'version', id: made.id, name: nameOfVersion(made) };
      await this.audit.byCaller(caller, 'version.import', subject, { digest: body.digest }, db);
      return made;
    });
    this.bus.changed(projectId, 'version', row.id);
    this.bus.changed(projectId, 'model', model.id);
    return presentVersion(row);
  }
}

export const nameOfVersion = (row: { model: { name: string }; number: number }): string =>
  `${row.model.name}@${row.number}`;

export function presentVersion(row: VersionRow): Version {
  return {
    id: row.id,
    model: row.model.name,
    version: row.number,
    task: row.model.task as Task,
    digest: row.digest,
    bytes: Number(row.bytes),
    inputs: z.array(TensorSpec).parse(row.inputs),
    outputs: z.array(TensorSpec).parse(row.outputs),
    labels: z.array(z.string()).parse(row.labels),
    preprocess: fromNullable(Preprocess, row.preprocess),
    ports: ModelPorts.parse(row.ports),
    origin: row.origin,
    trainingId: row.trainingId,
    datasetId: row.datasetId,
    teacherVersionId: row.teacherVersionId,
    metrics: VersionMetrics.parse(row.metrics),
    notes: row.notes,
    createdAt: row.createdAt.toISOString(),
  };
}

/** The version as a job sees it. */
export function versionRef(row: VersionRow): VersionRef {
  const { id, model, version, task, digest, labels, preprocess, ports } = presentVersion(row);
  return { id, model, version, task, digest, labels, preprocess, ports };
}

/** Test accuracy of a version, for lists that show it. */
export const testOf = (metrics: Prisma.JsonValue): Accuracy | null => VersionMetrics.parse(metrics).test;
