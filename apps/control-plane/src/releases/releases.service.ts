import { Inject, Injectable } from '@nestjs/common';
import type { FieldError } from '@verge/contracts';
import { Id } from '@verge/contracts';
import { presentWithdrawn } from '../artifacts/artifacts.service.js';
import { AuditService, nameOf } from '../audit/audit.service.js';
import type { Db, Prisma } from '../database/database.service.js';
import { DatabaseService, isUniqueViolation } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { List, ProblemError } from '../http/index.js';
import type { ReleasedArtifact } from './check-release.js';
import { ReleaseRepositoryService } from './repository.service.js';

const releaseInclude = {
  artifacts: { include: { artifact: { include: { version: { include: { model: true } } } } } },
} as const;
export type ReleaseRow = Prisma.ReleaseGetPayload<{ include: typeof releaseInclude }>;

const releaseList = new List<'releases.list', Prisma.ReleaseWhereInput>({
  search: ['name'],
  sorts: { createdAt: [], name: [{ path: 'name', kind: 'text' }] },
  filters: {},
});

@Injectable()
export class ReleasesService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReleaseRepositoryService) private readonly repository: ReleaseRepositoryService,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {}

  /** A release by id or name. @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<ReleaseRow> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const row = await this.database.release.findFirst({ where: { projectId, ...key }, include: releaseInclude });
    if (row === null) throw ProblemError.notFound('release', idOrName);
    return row;
  }

  async list(caller: ProjectCaller, { query }: InputOf<'releases.list'>): Promise<OutputOf<'releases.list'>> {
    const projectId = caller.project.id;
    return await releaseList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.release.findMany({ ...args, include: releaseInclude }),
      count: (args) => this.database.release.count(args),
      present: (rows) => rows.map(present),
    });
  }

  async get(caller: ProjectCaller, { params }: InputOf<'releases.get'>): Promise<OutputOf<'releases.get'>> {
    return present(await this.find(caller.project.id, params.release));
  }

  /** The signed metadata stays as it was published: it cannot be unsaid. */
  async delete(caller: ProjectCaller, named: string): Promise<void> {
    const { id, name, artifacts } = await this.find(caller.project.id, named);
    const before = async (db: Db): Promise<void> => {
      // Publishing takes turns within a project, so that no target is listed between the look and the deletion.
      await db.$queryRaw`SELECT id FROM projects WHERE id = ${caller.project.id}::uuid FOR NO KEY UPDATE`;
    };
    const also = () => Promise.resolve({ artifacts: artifacts.map(({ artifact }) => artifact.targetPath) });
    await this.deletions.delete(caller, { kind: 'release', id, name, before, also });
    for (const { artifactId } of artifacts) this.bus.changed(caller.project.id, 'artifact', artifactId);
  }

  /** Verifies everything, then stores everything in one transaction, or nothing. */
  async create(caller: ProjectCaller, { body }: InputOf<'releases.create'>): Promise<OutputOf<'releases.create'>> {
    const projectId = caller.project.id;
    try {
      const row = await this.database.$transaction((db) => this.publish(db, caller, body), {
        timeout: 60_000,
        maxWait: 30_000,
      });
      this.bus.changed(projectId, 'release', row.id);
      return present(row);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new ProblemError('CONFLICT', `there is a release ${JSON.stringify(body.name)} already`, [], {
        cause: error,
      });
    }
  }

  private async publish(db: Db, caller: ProjectCaller, body: InputOf<'releases.create'>['body']): Promise<ReleaseRow> {
    const projectId = caller.project.id;
    const artifacts = await releasable(db, projectId, body.artifacts);
    const { versions } = await this.repository.take(db, projectId, body.metadata, artifacts);
    const row = await db.release.create({
      data: {
        projectId,
        name: body.name,
        notes: body.notes,
        targetsVersion: versions.targets,
        createdBy: nameOf(caller),
        artifacts: { create: artifacts.map(({ id }) => ({ artifactId: id })) },
      },
      include: releaseInclude,
    });
    const subject = { kind: 'release', id: row.id, name: row.name };
    const detail = { artifacts: artifacts.length, targetsVersion: versions.targets };
    await this.audit.byCaller(caller, 'release.create', subject, detail, db);
    return row;
  }
}

/** The artifacts of a release, in the order asked. @throws ProblemError naming each that cannot be released */
async function releasable(db: Db, projectId: string, ids: readonly string[]): Promise<ReleasedArtifact[]> {
  const rows = await db.artifact.findMany({ where: { projectId, id: { in: [...ids] } } });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const errors: FieldError[] = [];
  const found = ids.flatMap((id, index) => {
    const row = byId.get(id);
    const field = `/artifacts/${index}`;
    if (row === undefined) errors.push({ field, detail: 'expected an artifact of this project' });
    else if (ids.indexOf(id) !== index) errors.push({ field, detail: 'is there twice' });
    else if (row.withdrawnAt !== null)
      errors.push({ field, detail: `was withdrawn: ${row.withdrawReason ?? ''}; build the artifact anew` });
    else if (!row.offered)
      errors.push({ field, detail: 'expected an artifact that is offered; its report says why not' });
    return row === undefined ? [] : [row];
  });
  if (errors.length > 0) throw ProblemError.invalid(errors);
  return found;
}

function present(row: ReleaseRow): OutputOf<'releases.get'> {
  const { id, name, notes, targetsVersion, createdBy, createdAt } = row;
  const artifacts = row.artifacts.map(({ artifact }) => ({
    id: artifact.id,
    model: artifact.version.model.name,
    version: artifact.version.number,
    deviceClass: artifact.deviceClass,
    manifestDigest: artifact.manifestDigest,
    withdrawn: presentWithdrawn(artifact),
  }));
  return { id, name, notes, artifacts, targetsVersion, createdBy, createdAt: createdAt.toISOString() };
}
