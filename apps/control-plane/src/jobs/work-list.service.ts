/** Trainings, compressions and evaluations in one list: what the queue holds and held. */
import { Inject, Injectable } from '@nestjs/common';
import type { JobKind as JobKindName, WorkItem } from '@verge/contracts';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { List, type InputOf } from '../http/index.js';
import { presentWork, SEARCH, workFilters } from './work-row.js';

const ofVersion = { version: { include: { model: true } } } as const;
const include = {
  training: { include: { model: true } },
  compression: { omit: { searched: true }, include: { ...ofVersion, recipe: true } },
  evaluation: { include: { ...ofVersion, dataset: true } },
} as const;
type Row = Prisma.JobGetPayload<{ include: typeof include }>;

const kinds = { training: 'train', compression: 'compress', evaluation: 'evaluate' } satisfies Record<
  WorkItem['kind'],
  JobKindName
>;

const workList = new List<'jobs.list', Prisma.JobWhereInput>({
  search: [
    'training.name',
    'training.model.name',
    'compression.version.model.name',
    'compression.recipe.name',
    'evaluation.version.model.name',
    'evaluation.dataset.name',
  ],
  sorts: {
    createdAt: [],
    startedAt: [{ path: 'startedAt', kind: 'time', nullable: true }],
    finishedAt: [{ path: 'finishedAt', kind: 'time', nullable: true }],
  },
  filters: { ...workFilters, kind: (kind) => ({ kind: kinds[kind] }) },
});

@Injectable()
export class WorkList {
  constructor(@Inject(DatabaseService) private readonly database: DatabaseService) {}

  async list(projectId: string, { query }: InputOf<'jobs.list'>) {
    return await workList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.job.findMany({ ...args, include }),
      count: (args) => this.database.job.count(args),
      present: (rows) => rows.map(presentWorkItem),
    });
  }
}

function presentWorkItem(row: Row): WorkItem {
  const base = presentWork(row);
  const { training, compression, evaluation } = row;
  if (training) {
    const model = training.model.name;
    return { ...base, kind: 'training', model, name: training.name || model };
  }
  if (compression) {
    const { version, recipe } = compression;
    const name = `${version.model.name}@${version.number} ${recipe?.name ?? SEARCH}`;
    return { ...base, kind: 'compression', model: version.model.name, name };
  }
  if (evaluation) {
    const { version, dataset } = evaluation;
    const name = `${version.model.name}@${version.number} ${dataset.name}`;
    return { ...base, kind: 'evaluation', model: version.model.name, name };
  }
  throw new Error(`the job ${row.id} belongs to nothing`);
}
