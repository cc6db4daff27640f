/** Alarms before something expires: in the overview, in the metrics, and once a day in the log. */
import { X509Certificate } from 'node:crypto';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Inject, Injectable } from '@nestjs/common';
import type { Alarm } from '@verge/contracts';
import type { Logger } from 'pino';
import { AuthorityService } from '../authority/authority.service.js';
import { LOGGER } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import type { Sample } from '../site/metrics.js';
import type { EndingCertificates } from '../overview/counts.js';
import { WorkersService } from '../workers/workers.service.js';
import type { Expiry } from './expiry.js';
import { noWorkerAlarm } from './no-worker.js';
import { bySoonest, certificatesSoon, expiryAlarm } from './expiry.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

interface ProjectExpiry extends Expiry {
  readonly projectId: string;
}

const releaseAdvice = 'devices install nothing new once it has; renew it with: verge releases renew --keys DIR';
const deviceAdvice =
  'switch them on within the grace period, or enrol them again with: verge devices re-enroll-token DEVICE';

@Injectable()
export class AlarmsService implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  /** When each alarm was last written to the log. */
  private readonly told = new Map<string, number>();
  /** When certificates end, by their PEM: reading one takes longer than all else here. */
  private readonly ends = new Map<string, Date>();

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuthorityService) private readonly authority: AuthorityService,
    @Inject(WorkersService) private readonly workers: WorkersService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const look = (): void => {
      this.look(new Date()).catch((err: unknown) => this.log.error({ err }, 'what expires could not be looked at'));
    };
    look();
    this.timer = setInterval(look, hourMs);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** @param counted the project's devices whose certificates end soon, which the caller counts meanwhile */
  async ofProject(projectId: string, counted: Promise<EndingCertificates | null>, now: Date): Promise<Alarm[]> {
    const [ending, files, missing, withdrawn] = await Promise.all([
      counted,
      this.releaseExpiries(projectId),
      this.withoutWorker(projectId, now),
      this.withdrawnRuns(projectId),
    ]);
    const devices = ending ? [devicesExpiry(projectId, ending)] : [];
    const expiring = [...files, ...devices, ...this.ownExpiries()].flatMap((expiry) => expiryAlarm(expiry, now) ?? []);
    // What stands still already comes before what will.
    return [...missing, ...[...expiring, ...withdrawn].sort(bySoonest)];
  }

  /** When everything expires, whether it is near or not: whoever scrapes it decides when that is too soon. */
  async samples(now = new Date()): Promise<Sample[]> {
    const projects = await this.database.project.findMany({
      where: { deletedAt: null },
      select: { id: true, slug: true },
    });
    const slugs = new Map(projects.map(({ id, slug }) => [id, slug]));
    const sample = (expiry: Expiry, labels: Record<string, string>): Sample => [
      'verge_expiry_timestamp_seconds',
      'When something expires, in seconds since 1970.',
      'gauge',
      {
        code: expiry.code,
        subject: expiry.code === 'DEVICE_CERTIFICATES_EXPIRE' ? 'soonest' : expiry.subject,
        ...labels,
      },
      Math.floor(expiry.expiresAt.getTime() / 1000),
    ];
    const own = await this.projectExpiries(now);
    return [
      ...this.ownExpiries().map((expiry) => sample(expiry, {})),
      ...own.map((expiry) => sample(expiry, { project: slugs.get(expiry.projectId) ?? expiry.projectId })),
    ];
  }

  /** Renews what this process can renew itself, and says once a day what needs a person. */
  private async look(now: Date): Promise<void> {
    await this.authority.renewDirectorRoot(now);
    for (const [key, at] of this.told) if (now.getTime() - at >= dayMs) this.told.delete(key);
    for (const expiry of [...(await this.projectExpiries(now)), ...this.ownExpiries()]) {
      const alarm = expiryAlarm(expiry, now);
      const projectId = 'projectId' in expiry ? expiry.projectId : null;
      const key = `${projectId ?? ''}/${expiry.code}/${expiry.subject}`;
      if (alarm === null || this.told.has(key)) continue;
      this.told.set(key, now.getTime());
      this.log.warn({ ...alarm, projectId }, alarm.message);
    }
  }

  /** What the control plane itself holds. */
  private ownExpiries(): Expiry[] {
    const { authorityPem, server, directorRootExpiresAt } = this.authority;
    return [
      {
        code: 'DIRECTOR_ROOT_EXPIRES',
        subject: 'director root',
        expiresAt: directorRootExpiresAt,
        advice: 'the control plane renews it itself, and could not',
      },
      {
        code: 'AUTHORITY_EXPIRES',
        subject: 'device authority',
        expiresAt: this.endOf(authorityPem),
        advice: 'every device must be enrolled anew with another before',
      },
      {
        code: 'SERVER_CERTIFICATE_EXPIRES',
        subject: 'gateway certificate',
        expiresAt: this.endOf(server.certificatePem),
        advice: 'restart the control plane: it makes another at its start',
      },
    ];
  }

  private endOf(pem: string): Date {
    const known = this.ends.get(pem);
    if (known) return known;
    const end = new Date(new X509Certificate(pem).validTo);
    // Two certificates, and those that follow them.
    if (this.ends.size > 8) this.ends.clear();
    this.ends.set(pem, end);
    return end;
  }

  /** Of every project. */
  private async projectExpiries(now: Date): Promise<ProjectExpiry[]> {
    const devices = await this.database.device.groupBy({
      by: ['projectId'],
      where: { state: 'active', certificateExpiresAt: { lt: certificatesSoon(now) } },
      _count: true,
      _min: { certificateExpiresAt: true },
    });
    return [
      ...(await this.releaseExpiries(null)),
      ...devices.map(({ projectId, _count, _min }) =>
        devicesExpiry(projectId, { devices: _count, first: _min.certificateExpiresAt! }),
      ),
    ];
  }

  /** The newest file of each role; null: of every project. */
  private async releaseExpiries(projectId: string | null): Promise<ProjectExpiry[]> {
    const { rows } = await this.database.pool.query<{ projectId: string; role: string; expiresAt: Date }>(
      `SELECT DISTINCT ON (project_id, role) project_id AS "projectId", role, expires_at AS "expiresAt"
       FROM release_metadata WHERE expires_at IS NOT NULL AND ($1::uuid IS NULL OR project_id = $1)
       ORDER BY project_id, role, version DESC`,
      [projectId],
    );
    return rows.map(({ role, ...row }) => ({
      ...row,
      code: 'RELEASE_METADATA_EXPIRES',
      subject: role,
      advice: releaseAdvice,
    }));
  }

  private async withoutWorker(projectId: string, now: Date): Promise<Alarm[]> {
    const waiting = (await this.workers.waiting(now, projectId)).get(projectId);
    return waiting ? [noWorkerAlarm(waiting, now)] : [];
  }

  private async withdrawnRuns(projectId: string): Promise<Alarm[]> {
    const { rows } = await this.database.pool.query<{ path: string; reason: string | null; devices: number }>(
      `SELECT a.target_path AS path, a.withdraw_reason AS reason, count(*)::int AS devices
      FROM artifacts a JOIN devices d ON d.project_id = a.project_id AND d.active_digest = a.manifest_digest
      WHERE a.project_id = $1 AND a.withdrawn_at IS NOT NULL AND d.state = 'active'
      GROUP BY 1, 2 ORDER BY 1`,
      [projectId],
    );
    return rows.map(({ path, reason, devices }) => {
      const message = `${devices} ${devices === 1 ? 'device runs' : 'devices run'} ${path}, which was withdrawn: ${reason ?? ''}`;
      return { code: 'WITHDRAWN_RUNS', subject: path, expiresAt: null, message };
    });
  }
}

const devicesExpiry = (projectId: string, { devices, first }: EndingCertificates): ProjectExpiry => ({
  projectId,
  code: 'DEVICE_CERTIFICATES_EXPIRE',
  subject: String(devices),
  words: `${devices} ${devices === 1 ? 'device certificate' : 'device certificates, the first of which'}`,
  expiresAt: first,
  advice: deviceAdvice,
});
