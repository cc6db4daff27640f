import { Inject, Injectable } from '@nestjs/common';
import { Id, VersionMetrics, type Model, type Task } from '@verge/contracts';
import { AuditService } from '../audit/audit.service.js';
import { DatabaseService, isUniqueViolation, type Db, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus } from '../events/event-bus.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';

const modelInclude = {
  _count: { select: { versions: true } },
  versions: { orderBy: { number: 'desc' }, take: 1 },
} as const;
type ModelRow = Prisma.ModelGetPayload<{ include: typeof modelInclude }>;

const modelList = new List<'models.list', Prisma.ModelWhereInput>({
  search: ['name'],
  sorts: { createdAt: [], name: [{ path: 'name', kind: 'text' }] },
  filters: {},
});

@Injectable()
export class ModelsService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {}

  async list(projectId: string, { query }: InputOf<'models.list'>) {
    return await modelList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.model.findMany({ ...args, include: modelInclude }),
      count: (args) => this.database.model.count(args),
      present: (rows) => rows.map(presentModel),
    });
  }

  async create(caller: ProjectCaller, { body }: InputOf<'models.create'>): Promise<Model> {
    const projectId = caller.project.id;
    const row = await this.database.$transaction(async (db) => {
      const made = await db.model
        .create({ data: { projectId, ...body }, include: modelInclude })
        .catch((error: unknown) => {
          throw isUniqueViolation(error)
            ? new ProblemError('CONFLICT', `there is already a model ${body.name}`)
            : error;
        });
      await this.audit.byCaller(caller, 'model.create', { kind: 'model', id: made.id, name: made.name }, {}, db);
      return made;
    });
    this.bus.changed(projectId, 'model', row.id);
    return presentModel(row);
  }

  async get(projectId: string, idOrName: string): Promise<Model> {
    return presentModel(await this.find(projectId, idOrName));
  }

  async delete(caller: ProjectCaller, named: string): Promise<void> {
    const { id, name } = await this.find(caller.project.id, named);
    await this.deletions.delete(caller, { kind: 'model', id, name });
  }

  /** @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<ModelRow> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const row = await this.database.model.findFirst({ where: { projectId, ...key }, include: modelInclude });
    if (!row) throw ProblemError.notFound('model', idOrName);
    return row;
  }

  /** The model of that name, made when there is none: two callers at once get the same one. */
  async ensure(db: Db, projectId: string, name: string): Promise<{ id: string; name: string; task: string }> {
    await db.model.createMany({ data: [{ projectId, name }], skipDuplicates: true });
    return await db.model.findUniqueOrThrow({ where: { projectId_name: { projectId, name } } });
  }
}

function presentModel(row: ModelRow): Model {
  const latest = row.versions[0];
  const metrics = latest && VersionMetrics.parse(latest.metrics);
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    task: row.task as Task,
    createdAt: row.createdAt.toISOString(),
    versions: row._count.versions,
    latest: latest
      ? {
          id: latest.id,
          version: latest.number,
          test: metrics!.test,
          quality: metrics!.measurement?.quality?.[0] ?? null,
          bytes: Number(latest.bytes),
        }
      : null,
  };
}
