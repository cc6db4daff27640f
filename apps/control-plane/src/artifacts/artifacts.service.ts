import { Inject, Injectable } from '@nestjs/common';
import { ArtifactManifest, CompressionReport, type Artifact } from '@verge/contracts';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { Deletions } from '../deletion/deletions.service.js';
import { List, ProblemError, type InputOf, type ProjectCaller } from '../http/index.js';
import { ModelsService } from '../models/models.service.js';
import { VersionsService } from '../models/versions.service.js';

const include = { version: { include: { model: true } } } as const;
type Row = Prisma.ArtifactGetPayload<{ include: typeof include }>;

@Injectable()
export class ArtifactsService {
  private readonly artifacts = new List<'artifacts.list', Prisma.ArtifactWhereInput>({
    search: ['version.model.name', 'recipe'],
    sorts: {
      createdAt: [],
      deviceClass: [{ path: 'deviceClass', kind: 'text' }],
      bytes: [{ path: 'bytes', kind: 'bigint' }],
    },
    filters: {
      model: async (value, projectId) => ({ version: { modelId: (await this.models.find(projectId, value)).id } }),
      version: async (value, projectId) => ({ versionId: (await this.versions.find(projectId, value)).id }),
      deviceClass: (deviceClass) => ({ deviceClass }),
      offered: (value) => ({ offered: value === 'true' }),
      released: (value) => ({ releases: value === 'true' ? { some: {} } : { none: {} } }),
    },
  });

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(Deletions) private readonly deletions: Deletions,
  ) {}

  async list(projectId: string, { query }: InputOf<'artifacts.list'>) {
    return await this.artifacts.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.artifact.findMany({ ...args, include }),
      count: (args) => this.database.artifact.count(args),
      present: (rows) => rows.map(presentArtifact),
    });
  }

  async delete(caller: ProjectCaller, id: string): Promise<void> {
    const { model, version, deviceClass, manifestDigest, targetPath } = await this.get(caller.project.id, id);
    const name = `${model}@${version}/${deviceClass}`;
    const also = () => Promise.resolve({ manifestDigest, targetPath });
    await this.deletions.delete(caller, { kind: 'artifact', id, name, also });
  }

  /** @throws ProblemError NOT_FOUND */
  async get(projectId: string, id: string): Promise<Artifact> {
    const row = await this.database.artifact.findFirst({ where: { projectId, id }, include });
    if (!row) throw ProblemError.notFound('artifact', id);
    return presentArtifact(row);
  }
}

/** That an artifact was taken back, as the published metadata says. */
export function presentWithdrawn(row: {
  withdrawnAt: Date | null;
  withdrawReason: string | null;
}): Artifact['withdrawn'] {
  if (row.withdrawnAt === null) return null;
  return { at: row.withdrawnAt.toISOString(), reason: row.withdrawReason ?? '' };
}

function presentArtifact(row: Row): Artifact {
  return {
    id: row.id,
    model: row.version.model.name,
    version: row.version.number,
    versionId: row.versionId,
    compressionId: row.compressionId,
    deviceClass: row.deviceClass,
    recipe: row.recipe,
    targetPath: row.targetPath,
    manifestDigest: row.manifestDigest,
    manifestBytes: row.manifestBytes,
    manifest: ArtifactManifest.parse(row.manifest),
    report: CompressionReport.parse(row.report),
    offered: row.offered,
    withdrawn: presentWithdrawn(row),
    bytes: Number(row.bytes),
    createdAt: row.createdAt.toISOString(),
  };
}
