import { Inject, Injectable } from '@nestjs/common';
import {
  Digest,
  DistillationConfig,
  TrainingConfig,
  TrainingPoint,
  TrainingReport,
  type FieldError,
  type Training,
  type TrainJob,
} from '@verge/contracts';
import { AuditService, nameOf } from '../audit/audit.service.js';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { DatasetsService, withoutFiles } from '../datasets/datasets.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { JobsService } from '../jobs/jobs.service.js';
import { presentWork, workFilters } from '../jobs/work-row.js';
import { fromNullable, toJson } from '../json.js';
import { ModelsService } from '../models/models.service.js';
import { testOf, versionRef, VersionsService, type VersionRow } from '../models/versions.service.js';
import { uuid7 } from '../uuid7.js';

// From the job to what belongs to it, never the other way: Prisma reads one table after the other, and a job that is
// over must show its results.
const include = { training: { include: { model: true, dataset: { omit: withoutFiles }, version: true } } } as const;
type Row = Prisma.JobGetPayload<{ include: typeof include }>;

@Injectable()
export class TrainingsService {
  private readonly trainings = new List<'trainings.list', Prisma.JobWhereInput>({
    search: ['training.name', 'training.model.name'],
    sorts: {
      createdAt: [],
      name: [{ path: 'training.name', kind: 'text' }],
      model: [{ path: 'training.model.name', kind: 'text' }],
      finishedAt: [{ path: 'finishedAt', kind: 'time', nullable: true }],
    },
    filters: {
      ...workFilters,
      model: async (value, projectId) => {
        const { id } = await this.models.find(projectId, value);
        return { training: { modelId: id } };
      },
    },
  });

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(JobsService) private readonly jobs: JobsService,
    @Inject(DatasetsService) private readonly datasets: DatasetsService,
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(BlobReferences) private readonly blobs: BlobReferences,
  ) {}

  async list(projectId: string, { query }: InputOf<'trainings.list'>) {
    return await this.trainings.read(query, {
      projectId,
      where: { projectId, kind: 'train' },
      rows: (args) => this.database.job.findMany({ ...args, include }),
      count: (args) => this.database.job.count(args),
      present: (rows) => rows.map(presentTraining),
    });
  }

  async create(caller: ProjectCaller, { body }: InputOf<'trainings.create'>): Promise<Training> {
    const projectId = caller.project.id;
    const dataset = await this.datasets.find(projectId, body.dataset);
    const teacher = body.teacher === null ? null : await this.versions.find(projectId, body.teacher);
    await this.checkConfig(projectId, body.config, teacher);
    const config = inTheCloud(body.config, teacher !== null);
    const id = uuid7();
    const payload: TrainJob = {
      kind: 'train',
      id,
      projectId,
      cancelRequested: false,
      model: body.model,
      dataset: await this.datasets.reference(dataset),
      config,
      teacher: teacher ? versionRef(teacher) : null,
    };
    await this.database.$transaction(async (db) => {
      const model = await this.models.ensure(db, projectId, body.model);
      await this.jobs.create(db, { projectId, createdBy: nameOf(caller), payload });
      const refs = { modelId: model.id, datasetId: dataset.id, teacherVersionId: teacher?.id ?? null };
      await db.training.create({ data: { id, name: body.name, ...refs, config: toJson(config) } });
      const subject = { kind: 'training', id, name: body.name || body.model };
      await this.audit.byCaller(caller, 'training.create', subject, { model: body.model, dataset: dataset.name }, db);
    });
    await this.jobs.enqueue(id);
    this.bus.changed(projectId, 'training', id);
    return await this.get(projectId, id);
  }

  /** @throws ProblemError NOT_FOUND */
  async get(projectId: string, id: string): Promise<Training> {
    const row = await this.database.job.findFirst({ where: { id, projectId, kind: 'train' }, include });
    if (!row) throw ProblemError.notFound('training', id);
    return presentTraining(row);
  }

  async points(projectId: string, id: string): Promise<{ items: TrainingPoint[] }> {
    await this.get(projectId, id);
    const rows = await this.database.trainingPoint.findMany({ where: { trainingId: id }, orderBy: { epoch: 'asc' } });
    return { items: rows.map((row) => TrainingPoint.parse(row.point)) };
  }

  async report(projectId: string, id: string): Promise<{ report: TrainingReport | null }> {
    await this.get(projectId, id);
    const { report } = await this.database.training.findUniqueOrThrow({ where: { id }, select: { report: true } });
    return { report: fromNullable(TrainingReport, report) };
  }

  async cancel(caller: ProjectCaller, id: string): Promise<Training> {
    await this.jobs.cancel(caller.project.id, id, 'train');
    await this.audit.byCaller(caller, 'training.cancel', { kind: 'training', id, name: id });
    return await this.get(caller.project.id, id);
  }

  async delete(caller: ProjectCaller, id: string): Promise<void> {
    const { name, model } = await this.get(caller.project.id, id);
    await this.jobs.delete(caller, { id, kind: 'train', name: name || model });
  }

  /** What the form of a configuration cannot say: the blob that it names, the teacher that it needs. */
  private async checkConfig(projectId: string, config: TrainingConfig, teacher: VersionRow | null): Promise<void> {
    const errors: FieldError[] = [];
    if ('onnx' in config.model) {
      const digest = Digest.safeParse(config.model.onnx);
      const field = '/config/model/onnx';
      if (digest.success) errors.push(...(await this.blobs.check(projectId, [{ field, digest: digest.data }])));
      else errors.push({ field, detail: 'expected the digest of a blob that this project holds' });
    }
    if (config.distillation && !teacher)
      errors.push({ field: '/teacher', detail: 'expected the version to distil from' });
    if (errors.length > 0) throw ProblemError.invalid(errors);
  }
}

/** Without what only the local command reads; a training with a teacher distils, with the usual settings if none are given. */
function inTheCloud(config: TrainingConfig, distils: boolean): TrainingConfig {
  const { data: _data, teacher: _teacher, ...rest } = config;
  return distils ? { ...rest, distillation: rest.distillation ?? DistillationConfig.parse({}) } : rest;
}

function presentTraining(job: Row): Training {
  const row = job.training!;
  return {
    ...presentWork(job),
    name: row.name,
    model: row.model.name,
    datasetId: row.datasetId,
    dataset: row.dataset.name,
    config: TrainingConfig.parse(row.config),
    teacherVersionId: row.teacherVersionId,
    versionId: row.version?.id ?? null,
    version: row.version?.number ?? null,
    test: row.version ? testOf(row.version.metrics) : null,
  };
}
