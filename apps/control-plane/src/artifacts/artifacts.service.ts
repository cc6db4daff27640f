import { Inject, Injectable } from '@nestjs/common';
import { ArtifactManifest, CompressionReport, type Artifact } from '@verge/contracts';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { pageWhere, pageWindow, ProblemError, toPage, type InputOf } from '../http/index.js';
import { ModelsService } from '../models/models.service.js';
import { VersionsService } from '../models/versions.service.js';

const include = { version: { include: { model: true } } } as const;
type Row = Prisma.ArtifactGetPayload<{ include: typeof include }>;

@Injectable()
export class ArtifactsService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
  ) {}

  async list(projectId: string, { query }: InputOf<'artifacts.list'>) {
    const model = query.model === undefined ? undefined : await this.models.find(projectId, query.model);
    const version = query.version === undefined ? undefined : await this.versions.find(projectId, query.version);
    const where: Prisma.ArtifactWhereInput = {
      projectId,
      ...(model ? { version: { modelId: model.id } } : {}),
      ...(version ? { versionId: version.id } : {}),
      ...(query.deviceClass ? { deviceClass: query.deviceClass } : {}),
      ...(query.offered ? { offered: query.offered === 'true' } : {}),
      ...pageWhere(query),
    };
    const rows = await this.database.artifact.findMany({ where, ...pageWindow(query), include });
    return toPage(rows, query, presentArtifact);
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
