import { Inject, Injectable } from '@nestjs/common';
import type { Lineage } from '@verge/contracts';
import { withoutFiles } from '../datasets/datasets.service.js';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { SEARCH } from '../jobs/work-row.js';
import { nameOfVersion, VersionsService } from './versions.service.js';

type Node = Lineage['nodes'][number];

/** Versions beyond which the graph stops growing. */
const MAX_VERSIONS = 200;

const include = {
  model: true,
  dataset: { omit: withoutFiles },
  training: { include: { job: true, dataset: { omit: withoutFiles } } },
  compressions: {
    omit: { searched: true },
    include: {
      job: true,
      recipe: true,
      artifact: { include: { releases: { include: { release: { include: { rollouts: true } } } } } },
    },
  },
  students: { select: { id: true } },
} as const;
type Row = Prisma.VersionGetPayload<{ include: typeof include }>;

@Injectable()
export class LineageService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(VersionsService) private readonly versions: VersionsService,
  ) {}

  /** Up through teachers, down through students, and sideways into what was built from each. */
  async of(projectId: string, idOrNumber: string): Promise<Lineage> {
    const graph = new Graph();
    const start = await this.versions.find(projectId, idOrNumber);
    const seen = new Set([start.id]);
    let frontier = [start.id];
    while (frontier.length > 0 && seen.size <= MAX_VERSIONS) {
      const rows = await this.database.version.findMany({ where: { projectId, id: { in: frontier } }, include });
      for (const row of rows) graph.addVersion(row);
      const related = rows.flatMap((r) => [r.teacherVersionId, ...r.students.map((s) => s.id)]);
      frontier = [...new Set(related)].filter((id): id is string => id !== null && !seen.has(id));
      for (const id of frontier) seen.add(id);
    }
    return { ...graph.lineage(), goesOn: frontier.length > 0 };
  }
}

class Graph {
  private readonly nodes = new Map<string, Node>();
  private readonly edges = new Map<string, Lineage['edges'][number]>();

  /** Edges whose other end lies beyond the part that was walked are left out. */
  lineage(): Omit<Lineage, 'goesOn'> {
    const known = [...this.edges.values()].filter((e) => this.nodes.has(e.from) && this.nodes.has(e.to));
    return { nodes: [...this.nodes.values()], edges: known };
  }

  addVersion(row: Row): void {
    const { metrics, origin, digest } = row;
    this.node(row.id, 'version', nameOfVersion(row), {
      model: row.model.name,
      version: row.number,
      origin,
      digest,
      metrics,
    });
    if (row.training) this.addTraining(row, row.training);
    else if (row.dataset) this.addDataset(row.dataset, row.id);
    for (const compression of row.compressions) this.addCompression(row.id, compression);
  }

  private addTraining(row: Row, training: NonNullable<Row['training']>): void {
    const { state, createdAt, finishedAt } = training.job;
    const detail = { state, createdAt: createdAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
    this.node(training.id, 'training', training.name || nameOfVersion(row), detail);
    this.edge(training.id, row.id, 'produced');
    this.addDataset(training.dataset, training.id);
    if (row.teacherVersionId) this.edge(row.teacherVersionId, training.id, 'taught');
  }

  private addDataset(dataset: NonNullable<Row['dataset']>, reader: string): void {
    this.node(dataset.id, 'dataset', dataset.name, { digest: dataset.digest, license: dataset.license });
    this.edge(dataset.id, reader, 'trained on');
  }

  private addCompression(versionId: string, compression: Row['compressions'][number]): void {
    const { artifact } = compression;
    const { state, createdAt } = compression.job;
    this.node(compression.id, 'compression', compression.recipe?.name ?? SEARCH, {
      state,
      createdAt: createdAt.toISOString(),
    });
    this.edge(versionId, compression.id, 'compressed');
    if (!artifact) return;
    const { deviceClass, offered, manifestDigest, bytes } = artifact;
    this.node(artifact.id, 'artifact', artifact.targetPath, {
      deviceClass,
      offered,
      manifestDigest,
      bytes: Number(bytes),
    });
    this.edge(compression.id, artifact.id, 'produced');
    for (const { release } of artifact.releases) {
      this.node(release.id, 'release', release.name, { createdAt: release.createdAt.toISOString() });
      this.edge(artifact.id, release.id, 'signed in');
      for (const rollout of release.rollouts) {
        this.node(rollout.id, 'rollout', rollout.name, { state: rollout.state });
        this.edge(release.id, rollout.id, 'rolled out');
      }
    }
  }

  private node(id: string, kind: Node['kind'], name: string, detail: Record<string, unknown>): void {
    this.nodes.set(id, { id, kind, name, detail });
  }

  private edge(from: string, to: string, role: string): void {
    this.edges.set(`${from} ${to}`, { from, to, role });
  }
}
