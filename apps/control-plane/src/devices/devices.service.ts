import { Inject, Injectable } from '@nestjs/common';
import type { Device as DeviceView } from '@verge/contracts';
import { announceAccess } from '../access/holders.js';
import { AuditService } from '../audit/audit.service.js';
import type { Db, Prisma } from '../database/database.service.js';
import { DatabaseService, isUniqueViolation } from '../database/database.service.js';
import { literally } from '../database/like.js';
import { EventBus } from '../events/event-bus.js';
import { GroupsService } from '../groups/groups.service.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { pageWhere, pageWindow, ProblemError, toPage } from '../http/index.js';
import { DESIRED_TOPIC } from './desired-state.js';
import type { DeviceRow } from './present.js';
import { deviceInclude, presentDevice, runningArtifacts } from './present.js';

@Injectable()
export class DevicesService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(GroupsService) private readonly groups: GroupsService,
  ) {}

  async list(caller: ProjectCaller, { query }: InputOf<'devices.list'>): Promise<OutputOf<'devices.list'>> {
    const projectId = caller.project.id;
    const where: Prisma.DeviceWhereInput = { projectId, ...pageWhere(query) };
    if (query.group !== undefined) where.groupId = (await this.groups.find(projectId, query.group)).id;
    if (query.deviceClass !== undefined) where.deviceClass = query.deviceClass;
    if (query.state !== undefined) where.state = query.state;
    if (query.q !== undefined) where.name = { contains: literally(query.q), mode: 'insensitive' };
    const now = new Date();
    if (query.online === 'true') where.onlineUntil = { gt: now };
    if (query.online === 'false') where.OR = [{ onlineUntil: null }, { onlineUntil: { lte: now } }];
    const rows = await this.database.device.findMany({ where, include: deviceInclude, ...pageWindow(query) });
    const views = await this.present(projectId, rows);
    return toPage(rows, query, (row) => views.get(row.id)!);
  }

  async get(caller: ProjectCaller, deviceId: string): Promise<OutputOf<'devices.get'>> {
    const row = await this.find(this.database, caller.project.id, deviceId);
    return (await this.present(caller.project.id, [row])).get(row.id)!;
  }

  async update(
    caller: ProjectCaller,
    { params, body }: InputOf<'devices.update'>,
  ): Promise<OutputOf<'devices.update'>> {
    const projectId = caller.project.id;
    const { group, labels, ...changes } = body;
    const groupId = group === undefined || group === null ? group : (await this.groups.find(projectId, group)).id;
    try {
      await this.database.$transaction(async (db) => {
        // Locked before it is read: of two changes of different labels both stay.
        await db.$queryRaw`SELECT id FROM devices WHERE id = ${params.device}::uuid FOR NO KEY UPDATE`;
        const { id, name, labels: before } = await this.find(db, projectId, params.device);
        const data: Prisma.DeviceUncheckedUpdateInput = { ...changes };
        if (groupId !== undefined) data.groupId = groupId;
        if (labels !== undefined) data.labels = mergedLabels(before as Record<string, string>, labels);
        await db.device.update({ where: { id }, data });
        await this.audit.byCaller(caller, 'device.update', { kind: 'device', id, name }, body, db);
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new ProblemError('CONFLICT', `there is a device ${JSON.stringify(body.name)} already`, [], {
        cause: error,
      });
    }
    this.bus.changed(projectId, 'device', params.device);
    return this.get(caller, params.device);
  }

  /** The gateway refuses the device from now on and cuts its stream; a second revocation changes nothing. */
  async revoke(caller: ProjectCaller, { params }: InputOf<'devices.revoke'>): Promise<OutputOf<'devices.revoke'>> {
    const projectId = caller.project.id;
    await this.database.$transaction(async (db) => {
      const { id, name, state } = await this.find(db, projectId, params.device);
      if (state === 'revoked') return;
      await db.device.update({ where: { id }, data: { state: 'revoked', onlineUntil: null, gatewayId: null } });
      await db.deviceCertificate.updateMany({
        where: { deviceId: id, revokedAt: null },
        data: { revokedAt: new Date(), reason: 'the device was revoked' },
      });
      await db.deviceEvent.create({ data: { deviceId: id, kind: 'revoked', message: 'revoked' } });
      await this.audit.byCaller(caller, 'device.revoke', { kind: 'device', id, name }, {}, db);
    });
    this.bus.publish(DESIRED_TOPIC, [params.device]);
    announceAccess(this.bus, [`device:${params.device}`]);
    this.bus.changed(projectId, 'device', params.device);
    return this.get(caller, params.device);
  }

  async events(
    caller: ProjectCaller,
    { params, query }: InputOf<'devices.events'>,
  ): Promise<OutputOf<'devices.events'>> {
    const { id } = await this.find(this.database, caller.project.id, params.device);
    const where = { deviceId: id, ...pageWhere(query) };
    const rows = await this.database.deviceEvent.findMany({ where, ...pageWindow(query) });
    return toPage(rows, query, ({ at, kind, message, detail }) => ({
      at: at.toISOString(),
      kind,
      message,
      detail: detail as Record<string, unknown>,
    }));
  }

  private async find(db: Db, projectId: string, id: string): Promise<DeviceRow> {
    const row = await db.device.findFirst({ where: { projectId, id }, include: deviceInclude });
    if (row === null) throw ProblemError.notFound('device', id);
    return row;
  }

  private async present(projectId: string, rows: readonly DeviceRow[]): Promise<Map<string, DeviceView>> {
    const digests = rows.flatMap((row) => (row.activeDigest === null ? [] : [row.activeDigest]));
    const active = await runningArtifacts(this.database, projectId, digests);
    const now = new Date();
    return new Map(rows.map((row) => [row.id, presentDevice(row, active, now)]));
  }
}

/** RFC 7396: null removes, everything else is set, what is not named stays. */
function mergedLabels(
  before: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const merged = Object.entries({ ...before, ...patch });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}
