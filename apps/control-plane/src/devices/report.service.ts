/** Status reports: what devices say of themselves, and what that means for the rollouts they take part in. */
import { Inject, Injectable } from '@nestjs/common';
import type { FieldError, UpdateState } from '@verge/contracts';
import { Digest, Id, updateLifecycle, visibleText } from '@verge/contracts';
import type { StatusReportReceived } from '@verge/contracts/grpc';
import type { PoolClient } from 'pg';
import { DatabaseService } from '../database/database.service.js';
import { inTransaction } from '../database/transaction.js';
import { uuid7 } from '../uuid7.js';
import { EventBus } from '../events/event-bus.js';
import { invalidArgument } from '../gateway/status.js';
import type { OfferedUpdate, ReportedEvent, ReportedUpdate } from '../rollouts/report-event.js';
import { eventOfReport, fellBack } from '../rollouts/report-event.js';
import { ROLLOUT_TOPIC } from '../rollouts/topics.js';
import { checkFacts, visibleFacts } from './facts.js';

interface Before {
  update_state: string;
  active_digest: string | null;
  target_digest: string | null;
  /** Whether the report says of the machine what was known. */
  same_facts: boolean;
}

@Injectable()
export class ReportService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  /** @throws GatewayError INVALID_ARGUMENT naming every bad field */
  async receive(device: { deviceId: string; projectId: string }, received: StatusReportReceived): Promise<void> {
    const bad = checkReport(received);
    if (bad.length > 0) throw invalidArgument(bad);
    const report = visibleReport(received);
    const { deviceId, projectId } = device;
    // In plain SQL: of all that devices say, this is said most often.
    const { rollouts, routine } = await inTransaction(this.database.pool, async (client) => {
      const before = await saveReport(client, deviceId, report);
      if (before === undefined) return { rollouts: [], routine: true };
      await recordChanges(client, deviceId, before, report);
      return { rollouts: await markRollouts(client, deviceId, report), routine: isRoutine(before, report) };
    });
    this.bus.changed(projectId, 'device', deviceId, routine);
    for (const rolloutId of rollouts) this.bus.publish(ROLLOUT_TOPIC, rolloutId);
  }
}

/** It says what the last one said, but for the time and what a device measures of itself. */
const isRoutine = (before: Before, report: StatusReportReceived): boolean =>
  report.updateState !== 'failed' &&
  before.update_state === report.updateState &&
  before.active_digest === (report.activeDigest || null) &&
  before.target_digest === (report.targetDigest || null) &&
  before.same_facts;

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
  expect(message.length <= 4000, 'error_message', 'expected at most 4000 characters');
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

/**
 * The report as it is stored and shown. A failure is told even where its words hold what no terminal should get: refused, it
 * would never be known.
 */
function visibleReport(report: StatusReportReceived): StatusReportReceived {
  return { ...report, errorMessage: visibleText(report.errorMessage), facts: visibleFacts(report.facts) };
}

/** @returns what was known before, with the device locked to the end of the transaction */
async function saveReport(
  client: PoolClient,
  deviceId: string,
  report: StatusReportReceived,
): Promise<Before | undefined> {
  const failed = report.updateState === 'failed';
  const { rows } = await client.query<Before>({
    name: 'device-report',
    // An idle device still says what went wrong last; the next update begins with a clean sheet.
    text: `WITH before AS (
        SELECT update_state, active_digest, target_digest, facts IS NOT DISTINCT FROM coalesce($13::jsonb, facts) AS same_facts
        FROM devices WHERE id = $1 FOR NO KEY UPDATE),
      saved AS (
        UPDATE devices SET last_seen_at = now(), reported_at = now(), reported_generation = $2, update_state = $3,
          active_digest = $4, target_digest = $5,
          error_code = CASE WHEN $3 = 'idle' THEN error_code ELSE $6 END,
          error_message = CASE WHEN $3 = 'idle' THEN error_message ELSE $7 END,
          progress_bytes = $8, total_bytes = $9, rss_bytes = $10, spool_records = $11, spool_dropped = $12,
          facts = coalesce($13::jsonb, facts)
        WHERE id = $1 AND EXISTS (SELECT FROM before))
      SELECT * FROM before`,
    values: [
      deviceId,
      report.generation,
      report.updateState,
      report.activeDigest || null,
      report.targetDigest || null,
      failed ? report.errorCode || 'INTERNAL' : null,
      failed ? report.errorMessage : null,
      report.progressBytes,
      report.totalBytes,
      report.rssBytes,
      report.spoolRecords,
      report.spoolDropped,
      Object.keys(report.facts).length > 0 ? JSON.stringify(report.facts) : null,
    ],
  });
  return rows[0];
}

async function recordChanges(
  client: PoolClient,
  deviceId: string,
  before: Before,
  report: StatusReportReceived,
): Promise<void> {
  const { updateState, errorCode, errorMessage } = report;
  const active = report.activeDigest || null;
  const detail = JSON.stringify({ updateState, activeDigest: active, targetDigest: report.targetDigest || null });
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
  for (const { kind, message } of events) {
    await client.query({
      name: 'device-event',
      text: 'INSERT INTO device_events (id, device_id, kind, message, detail) VALUES ($1, $2, $3, $4, $5)',
      values: [uuid7(), deviceId, kind, message, detail],
    });
  }
}

interface OpenRollout {
  rollout_id: string;
  manifest_digest: string;
  state: string;
  reported_event: ReportedEvent | null;
  current: boolean;
}

/** Notes what the report means in the rollouts that have offered the device something; the scheduler acts on it. */
async function markRollouts(client: PoolClient, deviceId: string, report: StatusReportReceived): Promise<string[]> {
  // Rows of several rollouts are locked in the order of their ids, as the scheduler does.
  const { rows } = await client.query<OpenRollout>({
    name: 'device-rollouts',
    text: `SELECT rd.rollout_id, rd.manifest_digest, rd.state, rd.reported_event,
        d.desired_rollout_id = rd.rollout_id AND d.desired_artifact_id = rd.artifact_id AND d.generation = $2 AS current
      FROM rollout_devices rd JOIN rollouts r ON r.id = rd.rollout_id JOIN devices d ON d.id = rd.device_id
      WHERE rd.device_id = $1 AND rd.manifest_digest IS NOT NULL
        AND (rd.state IN ('offered', 'pending', 'updating', 'stalled', 'reverting')
          OR rd.state IN ('updated', 'failed') AND r.state IN ('running', 'paused'))
      ORDER BY rd.rollout_id`,
    values: [deviceId, report.generation],
  });
  const update = {
    updateState: report.updateState as UpdateState,
    activeDigest: report.activeDigest || null,
    targetDigest: report.targetDigest || null,
    rolloutId: report.rolloutId || null,
  };
  const touched: string[] = [];
  for (const row of rows) {
    const offered = {
      id: row.rollout_id,
      manifestDigest: row.manifest_digest,
      event: row.reported_event,
      current: row.current,
    };
    const event = eventOfReport(update, offered);
    const news = event !== null && event !== row.reported_event;
    if (news) await markEvent(client, deviceId, row.rollout_id, event, errorOf(update, offered, report));
    if (news || row.state === 'reverting') touched.push(row.rollout_id);
  }
  return touched;
}

interface ReportedError {
  readonly code: string;
  readonly message: string;
}

function errorOf(update: ReportedUpdate, offered: OfferedUpdate, report: StatusReportReceived): ReportedError {
  if (report.updateState === 'failed') return { code: report.errorCode || 'INTERNAL', message: report.errorMessage };
  if (!fellBack(update, offered)) return { code: 'INTERNAL', message: '' };
  const serves = update.activeDigest === null ? 'nothing' : update.activeDigest;
  return { code: 'FELL_BACK', message: `the device gave the new version up by itself and serves ${serves}` };
}

async function markEvent(
  client: PoolClient,
  deviceId: string,
  rolloutId: string,
  event: ReportedEvent,
  { code, message }: ReportedError,
): Promise<void> {
  const failed = event === 'fail';
  await client.query({
    name: 'device-rollout-event',
    text: `UPDATE rollout_devices SET reported_event = $3, reported_code = $4, reported_message = $5
      WHERE rollout_id = $1 AND device_id = $2`,
    values: [rolloutId, deviceId, event, failed ? code : null, failed ? message : null],
  });
}
