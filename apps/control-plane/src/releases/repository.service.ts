/** A project's release repository: what is published, and the one way in which more of it is published. */
import { Inject, Injectable } from '@nestjs/common';
import type { ReleaseRepository } from '@verge/contracts';
import { repositoryStatus } from '@verge/trust/publish';
import type { Withdrawal } from '@verge/trust/verify';
import { AuditService } from '../audit/audit.service.js';
import type { Db } from '../database/database.service.js';
import { DatabaseService } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf, ProjectCaller } from '../http/index.js';
import { ProblemError } from '../http/index.js';
import type { ReleasedArtifact } from './check-release.js';
import { checkRelease } from './check-release.js';
import { decodeFiles, publishedMetadata, storeMetadata } from './stored-metadata.js';

const dayMs = 86_400_000;
/** Devices that are named for each withdrawn artifact; all of them are counted. */
const mostNamed = 100;

type Uploaded = InputOf<'releases.publishMetadata'>['body']['metadata'];

@Injectable()
export class ReleaseRepositoryService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  async files(projectId: string): Promise<{ files: { name: string; content: string }[] }> {
    const files = await publishedMetadata(this.database, projectId);
    const encode = (content: Uint8Array) => Buffer.from(content).toString('base64');
    return { files: [...files].map(([name, content]) => ({ name, content: encode(content) })) };
  }

  async describe(projectId: string, now = new Date()): Promise<ReleaseRepository> {
    const files = await publishedMetadata(this.database, projectId);
    if (files.size === 0) return { roles: [], targets: [], withdrawn: [] };
    const status = repositoryStatus(files);
    const rows = await this.database.artifact.findMany({
      where: { projectId },
      select: { id: true, manifestDigest: true },
    });
    const ids = new Map(rows.map((row) => [row.manifestDigest, row.id]));
    const listed = ({ path, sha256 }: { path: string; sha256: string }) => {
      const manifestDigest = `sha256:${sha256}`;
      return { path, manifestDigest, artifactId: ids.get(manifestDigest) ?? null };
    };
    const withdrawn: ReleaseRepository['withdrawn'] = [];
    for (const record of status.withdrawn) {
      const { reason, withdrawnAt } = record;
      const running = await this.running(projectId, `sha256:${record.sha256}`);
      withdrawn.push({ ...listed(record), reason, withdrawnAt: new Date(withdrawnAt).toISOString(), ...running });
    }
    const roles = status.roles.map(({ role, version, expires, keyids, threshold }) => ({
      role,
      version,
      expiresAt: expires.toISOString(),
      daysLeft: Math.floor((expires.getTime() - now.getTime()) / dayMs),
      keyIds: keyids,
      threshold,
    }));
    return { roles, targets: status.targets.map(listed), withdrawn };
  }

  private async running(projectId: string, manifestDigest: string) {
    const where = { projectId, state: 'active', activeDigest: manifestDigest } as const;
    const [running, devices] = await Promise.all([
      this.database.device.count({ where }),
      this.database.device.findMany({
        where,
        select: { id: true, name: true },
        orderBy: { name: 'asc' },
        take: mostNamed,
      }),
    ]);
    return { running, devices };
  }

  /** Metadata alone: renewed, rotated, or with withdrawals. */
  async publish(caller: ProjectCaller, { body }: InputOf<'releases.publishMetadata'>): Promise<ReleaseRepository> {
    const { id: projectId, slug } = caller.project;
    await this.database.$transaction(
      async (db) => {
        const { versions, fresh } = await this.take(db, projectId, body.metadata, []);
        const subject = { kind: 'release-metadata', id: projectId, name: slug };
        const detail = { versions: { ...versions }, withdrawn: fresh.map(({ path }) => path) };
        await this.audit.byCaller(caller, 'release-metadata.publish', subject, detail, db);
      },
      { timeout: 60_000, maxWait: 30_000 },
    );
    this.bus.changed(projectId, 'release', projectId);
    return this.describe(projectId);
  }

  /**
   * Verifies an upload as a device would, and stores it. Publishing takes turns within a project: each is judged by what
   * the one before has published.
   * @throws ProblemError RELEASE_REFUSED
   */
  async take(db: Db, projectId: string, metadata: Uploaded, artifacts: readonly ReleasedArtifact[]) {
    await db.$queryRaw`SELECT id FROM projects WHERE id = ${projectId}::uuid FOR UPDATE`;
    const published = await publishedMetadata(db, projectId);
    const verdict = await checkRelease({ published, uploaded: decodeFiles(metadata), artifacts });
    if (!verdict.ok) throw new ProblemError('RELEASE_REFUSED', verdict.detail, verdict.errors);
    await storeMetadata(db, projectId, verdict.files);
    return { versions: verdict.versions, fresh: await markWithdrawn(db, projectId, verdict.withdrawn) };
  }
}

/** Writes at the artifacts what the signed metadata says, so that lists and rollouts know. Returns what is new. */
async function markWithdrawn(db: Db, projectId: string, withdrawn: readonly Withdrawal[]): Promise<Withdrawal[]> {
  const fresh: Withdrawal[] = [];
  for (const record of withdrawn) {
    const { count } = await db.artifact.updateMany({
      where: { projectId, manifestDigest: `sha256:${record.sha256}`, withdrawnAt: null },
      data: { withdrawnAt: new Date(record.withdrawnAt), withdrawReason: record.reason },
    });
    if (count > 0) fresh.push(record);
  }
  return fresh;
}
