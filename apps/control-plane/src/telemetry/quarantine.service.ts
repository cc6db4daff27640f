/** The quarantine as people see it: looked at, and emptied. */
import { Inject, Injectable } from '@nestjs/common';
import type { FieldError, QuarantinedRecord } from '@verge/contracts';
import { AuditService } from '../audit/audit.service.js';
import { DatabaseService, type Prisma } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import type { InputOf, OutputOf, ProjectCaller } from '../http/index.js';
import { List, ProblemError } from '../http/index.js';

type Row = Prisma.QuarantinedRecordGetPayload<{ include: { device: { select: { id: true; name: true } } } }>;

const quarantineList = new List<'quarantine.list', Prisma.QuarantinedRecordWhereInput>({
  sorts: { createdAt: [] },
  filters: { device: (deviceId) => ({ deviceId }) },
});

@Injectable()
export class QuarantineService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  async list(caller: ProjectCaller, { query }: InputOf<'quarantine.list'>): Promise<OutputOf<'quarantine.list'>> {
    const projectId = caller.project.id;
    const include = { device: { select: { id: true, name: true } } } as const;
    return await quarantineList.read(query, {
      projectId,
      where: { projectId },
      rows: (args) => this.database.quarantinedRecord.findMany({ ...args, include }),
      count: (args) => this.database.quarantinedRecord.count(args),
      present: (rows) => rows.map(present),
    });
  }

  async remove(caller: ProjectCaller, { params }: InputOf<'quarantine.delete'>): Promise<void> {
    const projectId = caller.project.id;
    const deviceId = await this.database.$transaction(async (db) => {
      const row = await db.quarantinedRecord.findFirst({
        where: { projectId, id: params.record },
        include: { device: true },
      });
      if (row === null) throw ProblemError.notFound('quarantined record', params.record);
      await db.quarantinedRecord.deleteMany({ where: { id: row.id } });
      const subject = { kind: 'device', id: row.deviceId, name: row.device.name };
      await this.audit.byCaller(
        caller,
        'quarantine.delete',
        subject,
        { record: row.id, reasons: row.reasons ?? [] },
        db,
      );
      return row.deviceId;
    });
    this.bus.changed(projectId, 'telemetry', deviceId);
  }

  async clear(caller: ProjectCaller, { query }: InputOf<'quarantine.clear'>): Promise<OutputOf<'quarantine.clear'>> {
    const { id: projectId, slug } = caller.project;
    const deleted = await this.database.$transaction(async (db) => {
      const { count } = await db.quarantinedRecord.deleteMany({ where: ofDevice(projectId, query.device) });
      const subject = { kind: 'project', id: projectId, name: slug };
      const detail = { deleted: count, ...(query.device === undefined ? {} : { device: query.device }) };
      await this.audit.byCaller(caller, 'quarantine.clear', subject, detail, db);
      return count;
    });
    this.bus.changed(projectId, 'telemetry', query.device ?? projectId);
    return { deleted };
  }
}

function ofDevice(projectId: string, deviceId: string | undefined): Prisma.QuarantinedRecordWhereInput {
  return deviceId === undefined ? { projectId } : { projectId, deviceId };
}

function present(row: Row): QuarantinedRecord {
  return {
    id: row.id,
    device: row.device,
    receivedAt: row.receivedAt.toISOString(),
    spoolId: row.spoolId,
    seq: Number(row.seq),
    artifact: row.artifactDigest,
    startMs: Number(row.startMs),
    endMs: Number(row.endMs),
    requests: Number(row.requests),
    errors: Number(row.errors),
    callerErrors: Number(row.callerErrors),
    loadErrors: Number(row.loadErrors),
    classes: (row.classes as [number, number][]).map(([index, count]) => ({ index, count })),
    features: row.features as unknown as QuarantinedRecord['features'],
    reasons: row.reasons as unknown as FieldError[],
  };
}
