import { Inject, Injectable } from '@nestjs/common';
import type { Device as DeviceView } from '@verge/contracts';
import { announceAccess } from '../access/holders.js';
import { AuditService } from '../audit/audit.service.js';
import type { Db, Prisma } from '../database/database.service.js';
import { DatabaseService, isUniqueViolation } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import { GroupsService } from '../groups/groups.service.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { List, ProblemError } from '../http/index.js';
import { ModelsService } from '../models/models.service.js';
import { VersionsService } from '../models/versions.service.js';
import { DESIRED_TOPIC } from './desired-state.js';
import type { DeviceRow } from './present.js';
import { failingDevice, onlineDevice } from './conditions.js';
import { deviceInclude, presentDevice, runningArtifacts } from './present.js';

@Injectable()
export class DevicesService {
  private readonly devices = new List<'devices.list', Prisma.DeviceWhereInput>({
    search: ['name'],
    sorts: {
      createdAt: [],
      name: [{ path: 'name', kind: 'text' }],
      deviceClass: [{ path: 'deviceClass', kind: 'text' }],
      lastSeenAt: [{ path: 'lastSeenAt', kind: 'time', nullable: true }],
    },
    filters: {
      group: async (value, projectId) => ({ groupId: (await this.groups.find(projectId, value)).id }),
      deviceClass: (deviceClass) => ({ deviceClass }),
      state: (state) => ({ state }),
      online: (value) => (value === 'true' ? onlineDevice(new Date()) : { NOT: onlineDevice(new Date()) }),
      failing: (value) => (value === 'true' ? failingDevice : { NOT: failingDevice }),
      ids: (ids) => ({ id: { in: ids } }),
      model: async (value, projectId) =>
        this.runs(projectId, { version: { modelId: (await this.models.find(projectId, value)).id } }),
      version: async (value, projectId) =>
        this.runs(projectId, { versionId: (await this.versions.find(projectId, value)).id }),
    },
  });
  private readonly history = new List<'devices.events', Prisma.DeviceEventWhereInput>({
    sorts: { createdAt: [] },
    filters: { kind: (kind) => ({ kind }) },
  });

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(GroupsService) private readonly groups: GroupsService,
    @Inject(ModelsService) private readonly models: ModelsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
  ) {}

  async list(caller: ProjectCaller, { query }: InputOf<'devices.list'>): Promise<OutputOf<'devices.list'>> {
    const projectId = caller.project.id;
    return await this.devices.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.device.findMany({ ...args, include: deviceInclude }),
      count: (args) => this.database.device.count(args),
      present: async (rows) => [...(await this.present(projectId, rows)).values()],
    });
  }

  async classes(caller: ProjectCaller): Promise<OutputOf<'devices.classes'>> {
    const rows = await this.database.device.groupBy({
      by: ['deviceClass'],
      where: { projectId: caller.project.id, state: 'active' },
      orderBy: { deviceClass: 'asc' },
      _count: true,
    });
    return { items: rows.map(({ deviceClass, _count }) => ({ name: deviceClass, devices: _count })) };
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
    return await this.history.read(query, {
      projectId: caller.project.id,
      where: { deviceId: id },
      rows: (args) => this.database.deviceEvent.findMany(args),
      count: (args) => this.database.deviceEvent.count(args),
      present: (rows) => rows.map(presentEvent),
    });
  }

  /** By the manifest that a device says it serves: there is no other tie between it and an artifact. */
  private async runs(projectId: string, artifact: Prisma.ArtifactWhereInput): Promise<Prisma.DeviceWhereInput> {
    const rows = await this.database.artifact.findMany({
      where: { projectId, ...artifact },
      select: { manifestDigest: true },
    });
    return { activeDigest: { in: rows.map((row) => row.manifestDigest) } };
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

function presentEvent(row: Prisma.DeviceEventGetPayload<object>): OutputOf<'devices.events'>['items'][number] {
  const { at, kind, message, detail } = row;
  return { at: at.toISOString(), kind, message, detail: detail as Record<string, unknown> };
}
