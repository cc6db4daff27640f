/** Status reports: what devices say of themselves, and what that means for the rollouts they take part in. */
import { Inject, Injectable } from '@nestjs/common';
import type { FieldError, UpdateState } from '@verge/contracts';
import { Digest, Id, updateLifecycle } from '@verge/contracts';
import type { StatusReportReceived } from '@verge/contracts/grpc';
import type { Db } from '../database/database.service.js';
import { DatabaseService } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import { invalidArgument } from '../gateway/status.js';
import { eventOfReport } from '../rollouts/report-event.js';
import { ROLLOUT_TOPIC } from '../rollouts/topics.js';
import { checkFacts } from './facts.js';

interface Before {
  update_state: string;
  active_digest: string | null;
  target_digest: string | null;
  error_code: string | null;
}

/** A fleet that comes back all at once waits for its turn instead of being refused. */
const patient = { maxWait: 30_000, timeout: 30_000 };

@Injectable()
export class ReportService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  /** @throws GatewayError INVALID_ARGUMENT naming every bad field */
  async receive(device: { deviceId: string; projectId: string }, report: StatusReportReceived): Promise<void> {
    const bad = checkReport(report);
    if (bad.length > 0) throw invalidArgument(bad);
    const { deviceId, projectId } = device;
    const rollouts = await this.database.$transaction(async (db) => {
      const [before] = await db.$queryRaw<Before[]>`
        SELECT update_state, active_digest, target_digest, error_code FROM devices WHERE id = ${deviceId}::uuid FOR NO KEY UPDATE`;
      if (before === undefined) return [];
      await saveReport(db, deviceId, report);
      await recordChanges(db, deviceId, before, report);
      return markRollouts(db, deviceId, report);
    }, patient);
    this.bus.changed(projectId, 'device', deviceId);
    for (const rolloutId of rollouts) this.bus.publish(ROLLOUT_TOPIC, rolloutId);
  }
}

export function checkReport(report: StatusReportReceived): FieldError[] {
  const bad: FieldError[] = [];
  const expect = (ok: boolean, field: string, detail: string) => {
    if (!ok) bad.push({ field, detail });
  };
  const states = Object.keys(updateLifecycle.table);
  expect(states.includes(report.updateState), 'update_state', `expected one of ${states.join(', ')}`);
  for (const [field, value] of [
    ['active_digest', report.activeDigest],
    ['target_digest', report.targetDigest],
  ] as const)
    expect(value === '' || Digest.safeParse(value).success, field, 'expected sha256:<64 hex digits>, or nothing');
  expect(
    report.rolloutId === '' || Id.safeParse(report.rolloutId).success,
    'rollout_id',
    'expected a UUID, or nothing',
  );
  expect(/^[A-Z0-9_]{0,64}$/.test(report.errorCode), 'error_code', 'expected at most 64 of A-Z, 0-9 and _');
  const message = report.errorMessage;
  expect(message.length <= 4000 && !message.includes('\0'), 'error_message', 'expected at most 4000 characters');
  const counts = [
    ['generation', report.generation],
    ['progress_bytes', report.progressBytes],
    ['total_bytes', report.totalBytes],
    ['rss_bytes', report.rssBytes],
    ['spool_records', report.spoolRecords],
    ['spool_dropped', report.spoolDropped],
  ] as const;
  for (const [field, value] of counts)
    expect(Number.isSafeInteger(value) && value >= 0, field, 'expected an integer from 0 to 2^53 - 1');
  return [...bad, ...checkFacts(report.facts)];
}

async function saveReport(db: Db, deviceId: string, report: StatusReportReceived): Promise<void> {
  const failed = report.updateState === 'failed';
  // An idle device still says what went wrong last; the next update begins with a clean sheet.
  const keepsError = report.updateState === 'idle';
  await db.device.update({
    where: { id: deviceId },
    data: {
      lastSeenAt: new Date(),
      reportedAt: new Date(),
      reportedGeneration: report.generation,
      updateState: report.updateState,
      activeDigest: report.activeDigest || null,
      targetDigest: report.targetDigest || null,
      ...(keepsError ? {} : { errorCode: failed ? report.errorCode || 'INTERNAL' : null }),
      ...(keepsError ? {} : { errorMessage: failed ? report.errorMessage : null }),
      progressBytes: report.progressBytes,
      totalBytes: report.totalBytes,
      rssBytes: report.rssBytes,
      spoolRecords: report.spoolRecords,
      spoolDropped: report.spoolDropped,
      ...(Object.keys(report.facts).length > 0 ? { facts: report.facts } : {}),
    },
  });
}

async function recordChanges(db: Db, deviceId: string, before: Before, report: StatusReportReceived): Promise<void> {
  const { updateState, errorCode, errorMessage } = report;
  const active = report.activeDigest || null;
  const detail = { updateState, activeDigest: active, targetDigest: report.targetDigest || null };
  const events: { kind: string; message: string }[] = [];
  const again = before.update_state === updateState && before.target_digest === (report.targetDigest || null);
  if (updateState === 'failed' && !again) {
    events.push({ kind: 'update.failed', message: `${errorCode || 'INTERNAL'}: ${errorMessage}` });
  } else if (!again && updateState !== 'idle') {
    events.push({ kind: `update.${updateState}`, message: updateState });
  }
  if (before.active_digest !== active) {
    events.push({ kind: 'active', message: active === null ? 'serves nothing' : `serves ${active}` });
  }
  if (events.length > 0) {
    await db.deviceEvent.createMany({ data: events.map((event) => ({ deviceId, ...event, detail })) });
  }
}

/** Notes what the report means in the rollouts that have offered the device something; the scheduler acts on it. */
async function markRollouts(db: Db, deviceId: string, report: StatusReportReceived): Promise<string[]> {
  const open = await db.rolloutDevice.findMany({
    where: {
      deviceId,
      OR: [
        { state: { in: ['offered', 'updating', 'reverting'] } },
        { state: { in: ['updated', 'failed'] }, rollout: { state: { in: ['running', 'paused'] } } },
      ],
    },
    select: { rolloutId: true, manifestDigest: true, state: true, reportedEvent: true },
  });
  const touched: string[] = [];
  for (const { rolloutId, manifestDigest, state, reportedEvent } of open) {
    if (manifestDigest === null) continue;
    if (state === 'reverting') touched.push(rolloutId);
    const event = eventOfReport(
      {
        updateState: report.updateState as UpdateState,
        activeDigest: report.activeDigest || null,
        targetDigest: report.targetDigest || null,
        rolloutId: report.rolloutId || null,
      },
      { id: rolloutId, manifestDigest },
    );
    if (event === null || event === reportedEvent) continue;
    const failed = event === 'fail';
    await db.rolloutDevice.update({
      where: { rolloutId_deviceId: { rolloutId, deviceId } },
      data: {
        reportedEvent: event,
        reportedCode: failed ? report.errorCode || 'INTERNAL' : null,
        reportedMessage: failed ? report.errorMessage : null,
      },
    });
    touched.push(rolloutId);
  }
  return touched;
}
