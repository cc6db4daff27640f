import { Inject, Injectable } from '@nestjs/common';
import {
  CompressionReport,
  DeviceClass,
  Recipe,
  SearchReport,
  SearchRequest,
  TrainingConfig,
  type CompressJob,
  type Compression,
} from '@verge/contracts';
import { AuditService, nameOf } from '../audit/audit.service.js';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { JobsService } from '../jobs/jobs.service.js';
import { presentWork, SEARCH, workFilters } from '../jobs/work-row.js';
import { fromNullable, toJson, toNullableJson } from '../json.js';
import { ModelsService } from '../models/models.service.js';
import { nameOfVersion, versionRef, VersionsService, type VersionRow } from '../models/versions.service.js';
import { RecipesService } from '../recipes/recipes.service.js';
import { uuid7 } from '../uuid7.js';

/** What a search tried is long, and read by itself. */
export const withoutSearched = { searched: true } as const;

// From the job to what belongs to it, never the other way: Prisma reads one table after the other, and a job that is
// over must show its results.
const include = {
  compression: {
    omit: withoutSearched,
    include: { version: { include: { model: true } }, recipe: true, artifact: true },
  },
} as const;
type Row = Prisma.JobGetPayload<{ include: typeof include }>;

@Injectable()
export class CompressionsService {
  private readonly compressions = new List<'compressions.list', Prisma.JobWhereInput>({
    search: ['compression.version.model.name', 'compression.recipe.name'],
    sorts: {
      createdAt: [],
      model: [{ path: 'compression.version.model.name', kind: 'text' }],
      finishedAt: [{ path: 'finishedAt', kind: 'time', nullable: true }],
    },
    filters: {
      ...workFilters,
      model: async (value, projectId) => {
        const { id } = await this.models.find(projectId, value);
        return { compression: { version: { modelId: id } } };
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
    @Inject(RecipesService) private readonly recipes: RecipesService,
  ) {}

  async list(projectId: string, { query }: InputOf<'compressions.list'>) {
    return await this.compressions.read(query, {
      projectId,
      where: { projectId, kind: 'compress' },
      rows: (args) => this.database.job.findMany({ ...args, include }),
      count: (args) => this.database.job.count(args),
      present: (rows) => rows.map(presentCompression),
    });
  }

  async create(caller: ProjectCaller, { body }: InputOf<'compressions.create'>): Promise<Compression> {
    const projectId = caller.project.id;
    const version = await this.versions.find(projectId, body.version);
    if ((body.recipe === undefined) === (body.search === undefined)) {
      const detail = 'expected either a recipe or what a search must keep to';
      throw ProblemError.invalid([{ field: body.recipe === undefined ? '/recipe' : '/search', detail }]);
    }
    const { search } = body;
    const stored = body.recipe === undefined ? null : await this.recipes.find(projectId, body.recipe);
    const named = body.dataset ?? version.datasetId;
    if (named === null) {
      const detail = 'expected a data set: the version was imported, so there is none that it was trained on';
      throw ProblemError.invalid([{ field: '/dataset', detail }]);
    }
    const dataset = await this.datasets.find(projectId, named);
    const id = uuid7();
    const payload: CompressJob = {
      kind: 'compress',
      id,
      projectId,
      cancelRequested: false,
      source: versionRef(version),
      training: await this.trainingOf(version),
      dataset: await this.datasets.reference(dataset),
      ...(stored && { recipe: stored.recipe }),
      ...(search && { search }),
      target: body.target,
    };
    await this.database.$transaction(async (db) => {
      await this.jobs.create(db, { projectId, createdBy: nameOf(caller), payload });
      const refs = { versionId: version.id, datasetId: dataset.id, recipeId: stored?.id ?? null };
      const documents = { search: toNullableJson(search ?? null), target: toJson(body.target) };
      await db.compression.create({ data: { id, ...refs, ...documents }, omit: withoutSearched });
      const subject = { kind: 'compression', id, name: nameOfVersion(version) };
      const how = stored ? { recipe: stored.name } : { search: toJson(search!) };
      const detail = { ...how, deviceClass: body.target.name };
      await this.audit.byCaller(caller, 'compression.create', subject, detail, db);
    });
    await this.jobs.enqueue(id);
    this.bus.changed(projectId, 'compression', id);
    return await this.get(projectId, id);
  }

  /** @throws ProblemError NOT_FOUND */
  async get(projectId: string, id: string): Promise<Compression> {
    const row = await this.database.job.findFirst({ where: { id, projectId, kind: 'compress' }, include });
    if (!row) throw ProblemError.notFound('compression', id);
    return presentCompression(row);
  }

  /** What its search tried. @throws ProblemError NOT_FOUND */
  async searched(projectId: string, id: string): Promise<SearchReport | null> {
    const where = { id, job: { projectId } };
    const row = await this.database.compression.findFirst({ where, select: { searched: true } });
    if (!row) throw ProblemError.notFound('compression', id);
    return fromNullable(SearchReport, row.searched);
  }

  async cancel(caller: ProjectCaller, id: string): Promise<Compression> {
    await this.jobs.cancel(caller.project.id, id, 'compress');
    await this.audit.byCaller(caller, 'compression.cancel', { kind: 'compression', id, name: id });
    return await this.get(caller.project.id, id);
  }

  async delete(caller: ProjectCaller, id: string): Promise<void> {
    const { model, version, recipe } = await this.get(caller.project.id, id);
    await this.jobs.delete(caller, { id, kind: 'compress', name: `${model}@${version} ${recipe?.name ?? SEARCH}` });
  }

  private async trainingOf(version: VersionRow): Promise<CompressJob['training']> {
    if (version.trainingId === null) return null;
    const { id, config } = await this.database.training.findUniqueOrThrow({ where: { id: version.trainingId } });
    return { id, config: TrainingConfig.parse(config) };
  }
}

function presentCompression(job: Row): Compression {
  const row = job.compression!;
  return {
    ...presentWork(job),
    versionId: row.versionId,
    model: row.version.model.name,
    version: row.version.number,
    recipe: row.recipe && Recipe.parse(row.recipe.recipe),
    search: fromNullable(SearchRequest, row.search),
    target: DeviceClass.parse(row.target),
    report: fromNullable(CompressionReport, row.report),
    artifactId: row.artifact?.id ?? null,
  };
}
