import { Inject, Injectable } from '@nestjs/common';
import { Accuracy, Measurement, type EvaluateJob, type Evaluation } from '@verge/contracts';
import { z } from 'zod';
import { AuditService, nameOf } from '../audit/audit.service.js';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { DatasetsService, withoutFiles } from '../datasets/datasets.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { JobsService } from '../jobs/jobs.service.js';
import { presentWork, workFilters } from '../jobs/work-row.js';
import { fromNullable } from '../json.js';
import { ModelsService } from '../models/models.service.js';
import { nameOfVersion, versionRef, VersionsService } from '../models/versions.service.js';
import { uuid7 } from '../uuid7.js';

// From the job to what belongs to it, never the other way: Prisma reads one table after the other, and a job that is
// over must show its results.
const include = {
  evaluation: { include: { version: { include: { model: true } }, dataset: { omit: withoutFiles } } },
} as const;
type Row = Prisma.JobGetPayload<{ include: typeof include }>;
const Confusion = z.array(z.array(z.int()));

@Injectable()
export class EvaluationsService {
  private readonly evaluations = new List<'evaluations.list', Prisma.JobWhereInput>({
    search: ['evaluation.version.model.name', 'evaluation.dataset.name'],
    sorts: {
      createdAt: [],
      model: [{ path: 'evaluation.version.model.name', kind: 'text' }],
      finishedAt: [{ path: 'finishedAt', kind: 'time', nullable: true }],
    },
    filters: {
      ...workFilters,
      model: async (value, projectId) => {
        const { id } = await this.models.find(projectId, value);
        return { evaluation: { version: { modelId: id } } };
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
  ) {}

  async list(projectId: string, { query }: InputOf<'evaluations.list'>) {
    return await this.evaluations.read(query, {
      projectId,
      where: { projectId, kind: 'evaluate' },
      rows: (args) => this.database.job.findMany({ ...args, include }),
      count: (args) => this.database.job.count(args),
      present: (rows) => rows.map(presentEvaluation),
    });
  }

  async create(caller: ProjectCaller, { body }: InputOf<'evaluations.create'>): Promise<Evaluation> {
    const projectId = caller.project.id;
    const version = await this.versions.find(projectId, body.version);
    const dataset = await this.datasets.find(projectId, body.dataset);
    const { threads } = body;
    const id = uuid7();
    const base = { kind: 'evaluate', id, projectId, cancelRequested: false, threads } as const;
    const payload: EvaluateJob = {
      ...base,
      source: versionRef(version),
      dataset: await this.datasets.reference(dataset),
    };
    await this.database.$transaction(async (db) => {
      await this.jobs.create(db, { projectId, createdBy: nameOf(caller), payload });
      await db.evaluation.create({ data: { id, versionId: version.id, datasetId: dataset.id, threads } });
      const subject = { kind: 'evaluation', id, name: nameOfVersion(version) };
      await this.audit.byCaller(caller, 'evaluation.create', subject, { dataset: dataset.name }, db);
    });
    await this.jobs.enqueue(id);
    this.bus.changed(projectId, 'evaluation', id);
    return await this.get(projectId, id);
  }

  /** @throws ProblemError NOT_FOUND */
  async get(projectId: string, id: string): Promise<Evaluation> {
    const row = await this.database.job.findFirst({ where: { id, projectId, kind: 'evaluate' }, include });
    if (!row) throw ProblemError.notFound('evaluation', id);
    return presentEvaluation(row);
  }

  async cancel(caller: ProjectCaller, id: string): Promise<Evaluation> {
    await this.jobs.cancel(caller.project.id, id, 'evaluate');
    await this.audit.byCaller(caller, 'evaluation.cancel', { kind: 'evaluation', id, name: id });
    return await this.get(caller.project.id, id);
  }

  async delete(caller: ProjectCaller, id: string): Promise<void> {
    const { model, version, dataset } = await this.get(caller.project.id, id);
    await this.jobs.delete(caller, { id, kind: 'evaluate', name: `${model}@${version} on ${dataset}` });
  }
}

function presentEvaluation(job: Row): Evaluation {
  const row = job.evaluation!;
  return {
    ...presentWork(job),
    versionId: row.versionId,
    model: row.version.model.name,
    version: row.version.number,
    datasetId: row.datasetId,
    dataset: row.dataset.name,
    measurement: fromNullable(Measurement, row.measurement),
    test: fromNullable(Accuracy, row.test),
    confusion: fromNullable(Confusion, row.confusion),
  };
}
