import { Inject, Injectable } from '@nestjs/common';
import { Id } from '@verge/contracts';
import { AuditService } from '../audit/audit.service.js';
import { DatabaseService, isUniqueViolation, type Db, type Prisma } from '../database/database.service.js';
import type { Group } from '../generated/client.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { List, ProblemError } from '../http/index.js';
import { Deletions } from '../deletion/deletions.service.js';
import { Removals } from '../deletion/removals.service.js';
import { EventBus } from '../events/event-bus.js';

const groupList = new List<'groups.list', Prisma.GroupWhereInput>({
  search: ['name'],
  sorts: { createdAt: [], name: [{ path: 'name', kind: 'text' }] },
  filters: {},
});

@Injectable()
export class GroupsService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Deletions) private readonly deletions: Deletions,
    @Inject(Removals) private readonly removals: Removals,
  ) {}

  /** A group by id or name. @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<Group> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const group = await this.database.group.findFirst({ where: { projectId, ...key } });
    if (group === null) throw ProblemError.notFound('group', idOrName);
    return group;
  }

  async list(caller: ProjectCaller, { query }: InputOf<'groups.list'>): Promise<OutputOf<'groups.list'>> {
    const projectId = caller.project.id;
    return await groupList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.group.findMany(args),
      count: (args) => this.database.group.count(args),
      present: async (groups) => {
        const counts = await this.counts(groups.map((group) => group.id));
        return groups.map((group) => present(group, counts.get(group.id)));
      },
    });
  }

  async get(caller: ProjectCaller, { params }: InputOf<'groups.get'>): Promise<OutputOf<'groups.get'>> {
    const group = await this.find(caller.project.id, params.group);
    return present(group, (await this.counts([group.id])).get(group.id));
  }

  async create(caller: ProjectCaller, { body }: InputOf<'groups.create'>): Promise<OutputOf<'groups.create'>> {
    try {
      const group = await this.database.$transaction(async (db) => {
        const made = await db.group.create({ data: { projectId: caller.project.id, ...body } });
        await this.audit.byCaller(caller, 'group.create', { kind: 'group', id: made.id, name: made.name }, {}, db);
        return made;
      });
      this.bus.changed(caller.project.id, 'group', group.id);
      return present(group, undefined);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new ProblemError('CONFLICT', `there is a group ${JSON.stringify(body.name)} already`, [], { cause: error });
    }
  }

  async remove(caller: ProjectCaller, { params }: InputOf<'groups.delete'>): Promise<void> {
    const { id, name } = await this.find(caller.project.id, params.group);
    const also = async (db: Db): Promise<Prisma.InputJsonObject> => {
      await this.removals.ofGroup(db, caller, { id, name });
      return {};
    };
    await this.deletions.delete(caller, { kind: 'group', id, name, also });
  }

  private async counts(ids: readonly string[]): Promise<Map<string, Counts>> {
    const { rows } = await this.database.pool.query<{ group_id: string; devices: number; online: number }>(
      `SELECT group_id, count(*)::int AS devices, count(*) FILTER (WHERE online_until > now())::int AS online
       FROM devices WHERE group_id = ANY($1::uuid[]) AND state = 'active' GROUP BY group_id`,
      [ids],
    );
    return new Map(rows.map(({ group_id, devices, online }) => [group_id, { devices, online }]));
  }
}

interface Counts {
  readonly devices: number;
  readonly online: number;
}

function present(group: Group, counts: Counts | undefined): OutputOf<'groups.get'> {
  const { id, name, description, createdAt } = group;
  const { devices, online } = counts ?? { devices: 0, online: 0 };
  return { id, name, description, devices, online, createdAt: createdAt.toISOString() };
}
