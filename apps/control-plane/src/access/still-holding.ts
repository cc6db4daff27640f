import type { Role } from '@verge/contracts';
import type { Pool } from 'pg';
import type { CredentialHolder, DeviceHolder, Holder } from './holders.js';
import { atLeast, lesser } from './roles.js';

/** Which of the holders could open their streams anew, by the database as it is now. */
export async function stillHolding(pool: Pool, holders: readonly Holder[]): Promise<ReadonlySet<Holder>> {
  const people = holders.filter((h): h is CredentialHolder => h.kind !== 'device');
  const devices = holders.filter((h): h is DeviceHolder => h.kind === 'device');
  return new Set([...(await peopleHolding(pool, people)), ...(await devicesHolding(pool, devices))]);
}

async function peopleHolding(pool: Pool, holders: readonly CredentialHolder[]): Promise<CredentialHolder[]> {
  if (holders.length === 0) return [];
  const idsOf = (kind: Holder['kind']): string[] => holders.filter((h) => h.kind === kind).map((h) => h.id);
  const credentials = await pool.query<{ id: string; role: Role; administrator: boolean }>({
    name: 'stream-credentials',
    text: `SELECT s.id, 'admin' AS role, u.administrator FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = ANY($1::uuid[]) AND s.expires_at > now() AND u.disabled_at IS NULL
      UNION ALL
      SELECT t.id, t.role::text, u.administrator FROM api_tokens t JOIN users u ON u.id = t.user_id
        WHERE t.id = ANY($2::uuid[]) AND (t.expires_at IS NULL OR t.expires_at > now()) AND u.disabled_at IS NULL`,
    values: [idsOf('session'), idsOf('token')],
  });
  const memberships = await pool.query<{ user_id: string; project_id: string; role: Role }>({
    name: 'stream-memberships',
    text: 'SELECT user_id, project_id, role FROM memberships WHERE user_id = ANY($1::uuid[])',
    values: [[...new Set(holders.map((h) => h.userId))]],
  });
  const valid = new Map(credentials.rows.map((row) => [row.id, row]));
  const roleIn = new Map(memberships.rows.map((row) => [`${row.user_id} ${row.project_id}`, row.role]));
  return holders.filter((holder) => {
    const credential = valid.get(holder.id);
    if (!credential) return false;
    const outside: Role = credential.administrator ? 'admin' : 'viewer';
    const role = holder.projectId === null ? outside : roleIn.get(`${holder.userId} ${holder.projectId}`);
    return role !== undefined && atLeast(lesser(role, credential.role), holder.needs);
  });
}

async function devicesHolding(pool: Pool, holders: readonly DeviceHolder[]): Promise<DeviceHolder[]> {
  if (holders.length === 0) return [];
  const { rows } = await pool.query<{ serial: string; device_id: string }>({
    name: 'stream-devices',
    text: `SELECT c.serial, c.device_id FROM device_certificates c JOIN devices d ON d.id = c.device_id
      WHERE c.serial = ANY($1::text[]) AND c.revoked_at IS NULL AND c.expires_at > now() AND d.state = 'active'`,
    values: [holders.map((h) => h.serial)],
  });
  const valid = new Set(rows.map((row) => `${row.device_id} ${row.serial}`));
  return holders.filter((h) => valid.has(`${h.id} ${h.serial}`));
}
