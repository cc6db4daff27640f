import { Inject, Injectable } from '@nestjs/common';
import type { FieldError } from '@verge/contracts';
import { Id } from '@verge/contracts';
import type { MetadataFiles } from '@verge/trust/verify';
import { AuditService, nameOf } from '../audit/audit.service.js';
import type { Db, Prisma } from '../database/database.service.js';
import { DatabaseService, isUniqueViolation } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { pageWhere, pageWindow, ProblemError, toPage } from '../http/index.js';
import type { ReleasedArtifact } from './check-release.js';
import { checkRelease, metadataVersion } from './check-release.js';

const releaseInclude = {
  artifacts: { include: { artifact: { include: { version: { include: { model: true } } } } } },
} as const;
export type ReleaseRow = Prisma.ReleaseGetPayload<{ include: typeof releaseInclude }>;

@Injectable()
export class ReleasesService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  /** A release by id or name. @throws ProblemError NOT_FOUND */
  async find(projectId: string, idOrName: string): Promise<ReleaseRow> {
    const key = Id.safeParse(idOrName).success ? { id: idOrName } : { name: idOrName };
    const row = await this.database.release.findFirst({ where: { projectId, ...key }, include: releaseInclude });
    if (row === null) throw ProblemError.notFound('release', idOrName);
    return row;
  }

  async list(caller: ProjectCaller, { query }: InputOf<'releases.list'>): Promise<OutputOf<'releases.list'>> {
    const where = { projectId: caller.project.id, ...pageWhere(query) };
    const rows = await this.database.release.findMany({ where, include: releaseInclude, ...pageWindow(query) });
    return toPage(rows, query, present);
  }

  async get(caller: ProjectCaller, { params }: InputOf<'releases.get'>): Promise<OutputOf<'releases.get'>> {
    return present(await this.find(caller.project.id, params.release));
  }

  async metadata(caller: ProjectCaller): Promise<OutputOf<'releases.metadata'>> {
    const files = await publishedMetadata(this.database, caller.project.id);
    const encode = (content: Uint8Array) => Buffer.from(content).toString('base64');
    return { files: [...files].map(([name, content]) => ({ name, content: encode(content) })) };
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
    // Publishing takes turns within a project: each release is judged by what the one before has published.
    await db.$queryRaw`SELECT id FROM projects WHERE id = ${projectId}::uuid FOR UPDATE`;
    const artifacts = await releasable(db, projectId, body.artifacts);
    const published = await publishedMetadata(db, projectId);
    const uploaded = new Map(body.metadata.map(({ name, content }) => [name, decode(content)]));
    const verdict = await checkRelease({ published, uploaded, artifacts });
    if (!verdict.ok) throw new ProblemError('RELEASE_REFUSED', verdict.detail, verdict.errors);
    await storeMetadata(db, projectId, verdict.files);
    const row = await db.release.create({
      data: {
        projectId,
        name: body.name,
        notes: body.notes,
        targetsVersion: verdict.targetsVersion,
        createdBy: nameOf(caller),
        artifacts: { create: artifacts.map(({ id }) => ({ artifactId: id })) },
      },
      include: releaseInclude,
    });
    const subject = { kind: 'release', id: row.id, name: row.name };
    const detail = { artifacts: artifacts.length, targetsVersion: verdict.targetsVersion };
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
    else if (!row.offered)
      errors.push({ field, detail: 'expected an artifact that is offered; its report says why not' });
    return row === undefined ? [] : [row];
  });
  if (errors.length > 0) throw ProblemError.invalid(errors);
  return found;
}

/** The newest file of each role, and every root. */
async function publishedMetadata(db: Db, projectId: string): Promise<MetadataFiles> {
  const newest = await db.releaseMetadata.findMany({
    where: { projectId },
    distinct: ['role'],
    orderBy: [{ role: 'asc' }, { version: 'desc' }],
  });
  const roots = await db.releaseMetadata.findMany({ where: { projectId, role: 'root' }, orderBy: { version: 'asc' } });
  return new Map([...roots, ...newest.filter((row) => row.role !== 'root')].map((row) => [row.name, row.content]));
}

/** A version is stored once and never again; only timestamp.json is replaced. */
async function storeMetadata(db: Db, projectId: string, files: MetadataFiles): Promise<void> {
  const rows = [...files].map(([name, bytes]) => ({
    projectId,
    name,
    role: /^(?:\d+\.)?([a-z]+)\.json$/.exec(name)?.[1] ?? name,
    version: metadataVersion(bytes),
    content: new Uint8Array(bytes),
  }));
  await db.releaseMetadata.deleteMany({ where: { projectId, name: 'timestamp.json' } });
  await db.releaseMetadata.createMany({ data: rows, skipDuplicates: true });
}

function decode(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function present(row: ReleaseRow): OutputOf<'releases.get'> {
  const { id, name, notes, targetsVersion, createdBy, createdAt } = row;
  const artifacts = row.artifacts.map(({ artifact }) => ({
    id: artifact.id,
    model: artifact.version.model.name,
    version: artifact.version.number,
    deviceClass: artifact.deviceClass,
    manifestDigest: artifact.manifestDigest,
  }));
  return { id, name, notes, artifacts, targetsVersion, createdBy, createdAt: createdAt.toISOString() };
}
