/** How long telemetry, device events and the audit are kept, and how what has had its time is deleted: a few rows at a time. */
import type { Pool } from 'pg';
import { systemActor } from '../audit/audit.service.js';
import type { RetentionConfig } from '../config.js';
import { inTransaction } from '../database/transaction.js';
import { uuid7 } from '../uuid7.js';

export interface Expiry {
  readonly what: string;
  readonly table: string;
  /** A condition over $1, the moment before which rows are deleted. */
  readonly where: string;
  readonly before: Date;
  /** Identifiers are of version 7, so that the first one of a moment is a bound on them. */
  readonly byId: boolean;
}

const dayMs = 86_400_000;
const rowsAtATime = 2000;
const deleteLock = 0x7665_7264;

export function expiries(keep: RetentionConfig, now: Date): Expiry[] {
  const rules: readonly (Omit<Expiry, 'before' | 'byId'> & { readonly days: number; readonly byId?: true })[] = [
    { what: 'telemetry records', table: 'telemetry_records', days: keep.rawDays, where: 'received_at < $1' },
    {
      what: 'telemetry roll-ups of minutes',
      table: 'telemetry_rollups',
      days: keep.minuteDays,
      where: `scope IN ('project', 'group', 'device') AND seconds = 60 AND at < $1`,
    },
    {
      what: 'telemetry roll-ups of hours',
      table: 'telemetry_rollups',
      days: keep.hourDays,
      where: `scope IN ('project', 'group') AND seconds = 3600 AND at < $1`,
    },
    {
      what: "telemetry roll-ups of devices' hours",
      table: 'telemetry_rollups',
      days: keep.deviceDays,
      where: `scope = 'device' AND seconds = 3600 AND at < $1`,
    },
    { what: 'telemetry by arrival', table: 'telemetry_arrivals', days: keep.deviceDays, where: 'at < $1' },
    { what: 'quarantined records', table: 'quarantined_records', days: keep.quarantineDays, where: 'received_at < $1' },
    { what: 'device events', table: 'device_events', days: keep.deviceEventDays, where: 'id < $1', byId: true },
    { what: 'audit entries', table: 'audit_entries', days: keep.auditDays, where: 'id < $1', byId: true },
  ];
  return rules
    .filter(({ days }) => days > 0)
    .map(({ days, byId = false, ...rule }) => ({ ...rule, byId, before: new Date(now.getTime() - days * dayMs) }));
}

/**
 * Deletes some of the rows. One control plane deletes at a time, and readers are never kept waiting for long.
 * That audit entries were deleted is itself an audit entry, written in the same transaction.
 * @returns how many; 0 when none are left, or another control plane is at it
 */
export function deleteBatch(pool: Pool, { table, where, before, byId, what }: Expiry): Promise<number> {
  return inTransaction(pool, async (client) => {
    const lock = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [deleteLock]);
    if (!lock.rows[0]!.mine) return 0;
    // A trigger keeps audit entries from everybody but a transaction that says that it is the retention.
    if (table === 'audit_entries') await client.query(`SET LOCAL verge.retention = 'on'`);
    const { rowCount } = await client.query(
      `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT ${rowsAtATime}))`,
      [byId ? firstIdOf(before) : before],
    );
    const deleted = rowCount ?? 0;
    if (deleted > 0 && table === 'audit_entries') {
      await client.query(
        `INSERT INTO audit_entries (id, actor_kind, actor_id, actor_name, action, detail)
         VALUES ($1, 'system', $2, $3, 'audit.expire', $4)`,
        [uuid7(), systemActor.id, systemActor.name, { what, deleted, before: before.toISOString() }],
      );
    }
    return deleted;
  });
}

/** The lowest UUID of version 7 of a millisecond. */
function firstIdOf(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
