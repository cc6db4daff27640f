import { Inject, Injectable } from '@nestjs/common';
import type { EnrollmentBundle } from '@verge/contracts';
import { hashSecret, newSecret } from '../access/secret.js';
import { AuditService, nameOf } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import type { ControlPlaneConfig } from '../config.js';
import { CONFIG } from '../core.js';
import type { Prisma } from '../database/database.service.js';
import { DatabaseService } from '../database/database.service.js';
import { GroupsService } from '../groups/groups.service.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { List, ProblemError } from '../http/index.js';

const tokenInclude = { group: true } as const;
type TokenRow = Prisma.EnrollmentTokenGetPayload<{ include: typeof tokenInclude }>;

@Injectable()
export class EnrollmentService {
  private readonly tokens = new List<'enrollment.list', Prisma.EnrollmentTokenWhereInput>({
    search: ['name'],
    sorts: {
      createdAt: [],
      name: [{ path: 'name', kind: 'text' }],
      expiresAt: [{ path: 'expiresAt', kind: 'time' }],
    },
    filters: { usable: (value) => (value === 'true' ? this.usable() : { NOT: this.usable() }) },
  });

  constructor(
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(AuthorityService) private readonly authority: AuthorityService,
    @Inject(GroupsService) private readonly groups: GroupsService,
  ) {}

  async list(caller: ProjectCaller, { query }: InputOf<'enrollment.list'>): Promise<OutputOf<'enrollment.list'>> {
    const projectId = caller.project.id;
    return await this.tokens.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.enrollmentToken.findMany({ ...args, include: tokenInclude }),
      count: (args) => this.database.enrollmentToken.count(args),
      present: (rows) => rows.map(present),
    });
  }

  private usable(): Prisma.EnrollmentTokenWhereInput {
    const { maxUses } = this.database.enrollmentToken.fields;
    return { revokedAt: null, expiresAt: { gt: new Date() }, uses: { lt: maxUses } };
  }

  /** The secret leaves here once, in the bundle; a hash of it is kept. */
  async create(caller: ProjectCaller, { body }: InputOf<'enrollment.create'>): Promise<OutputOf<'enrollment.create'>> {
    const projectId = caller.project.id;
    const groupId = body.group === null ? null : (await this.groups.find(projectId, body.group)).id;
    const { name, deviceClass, maxUses } = body;
    const token = newSecret('enroll');
    const row = await this.database.$transaction(async (db) => {
      const made = await db.enrollmentToken.create({
        data: {
          projectId,
          tokenHash: hashSecret(token),
          name,
          deviceClass,
          groupId,
          maxUses,
          expiresAt: new Date(Date.now() + body.expiresInMinutes * 60_000),
          createdBy: nameOf(caller),
        },
        include: tokenInclude,
      });
      const subject = { kind: 'enrollment-token', id: made.id, name };
      await this.audit.byCaller(caller, 'enrollment-token.create', subject, { deviceClass, maxUses }, db);
      return made;
    });
    return { ...present(row), bundle: this.bundle(row, token) };
  }

  /** A token for one device that is here already: it stays the device that it is. */
  async reEnroll(
    caller: ProjectCaller,
    { params, body }: InputOf<'devices.reEnroll'>,
  ): Promise<OutputOf<'devices.reEnroll'>> {
    const projectId = caller.project.id;
    const token = newSecret('enroll');
    const row = await this.database.$transaction(async (db) => {
      const device = await db.device.findFirst({ where: { projectId, id: params.device } });
      if (device === null) throw ProblemError.notFound('device', params.device);
      if (device.state !== 'active') throw new ProblemError('CONFLICT', `the device ${device.name} was revoked`);
      const { id: deviceId, deviceClass, groupId } = device;
      const { allowNewKey } = body;
      const made = await db.enrollmentToken.create({
        data: {
          projectId,
          tokenHash: hashSecret(token),
          name: device.name,
          deviceClass,
          groupId,
          maxUses: 1,
          deviceId,
          allowNewKey,
          expiresAt: new Date(Date.now() + body.expiresInMinutes * 60_000),
          createdBy: nameOf(caller),
        },
        include: tokenInclude,
      });
      const subject = { kind: 'device', id: deviceId, name: device.name };
      await this.audit.byCaller(caller, 'device.re-enroll-token', subject, { tokenId: made.id, allowNewKey }, db);
      return made;
    });
    return { ...present(row), bundle: { ...this.bundle(row, token), deviceId: params.device } };
  }

  private bundle({ deviceClass }: TokenRow, token: string): EnrollmentBundle {
    const endpoint = `${this.config.publicHost}:${this.config.grpc.enrollPort}`;
    const { authorityPem } = this.authority;
    return { schema: 'verge.enrollment/1', endpoint, token, deviceClass, authorityPem, releaseRoot: null };
  }

  async revoke(caller: ProjectCaller, { params }: InputOf<'enrollment.revoke'>): Promise<void> {
    await this.database.$transaction(async (db) => {
      const row = await db.enrollmentToken.findFirst({ where: { projectId: caller.project.id, id: params.token } });
      if (row === null) throw ProblemError.notFound('enrolment token', params.token);
      if (row.revokedAt !== null) return;
      await db.enrollmentToken.update({ where: { id: row.id }, data: { revokedAt: new Date() } });
      const subject = { kind: 'enrollment-token', id: row.id, name: row.name };
      await this.audit.byCaller(caller, 'enrollment-token.revoke', subject, {}, db);
    });
  }
}

function present(row: TokenRow): OutputOf<'enrollment.list'>['items'][number] {
  const { id, name, deviceClass, maxUses, uses, deviceId, revokedAt } = row;
  return {
    id,
    name,
    deviceClass,
    group: row.group?.name ?? null,
    maxUses,
    uses,
    deviceId,
    expiresAt: row.expiresAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    revoked: revokedAt !== null,
  };
}
