import type { Pool } from 'pg';
import type { PeerOf } from './peer.js';
import { peerIdentity } from './peer.js';
import { GatewayError } from './status.js';

/** The device that makes a call, as the database knows it now. */
export interface CallingDevice {
  readonly deviceId: string;
  readonly projectId: string;
  readonly groupId: string | null;
  readonly name: string;
  readonly serial: string;
  readonly enrolledAt: Date;
  /** The rollout that spoke last to it. */
  readonly rolloutId: string | null;
  /** When its certificate ends. */
  readonly notAfter: Date;
}

interface Row {
  project_id: string;
  group_id: string | null;
  name: string;
  enrolled_at: Date;
  desired_rollout_id: string | null;
  state: string;
  issued: boolean;
  revoked: boolean;
  unused: boolean;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Checks the caller on every call, so that a revocation takes effect on the next one.
 * @throws GatewayError UNAUTHENTICATED for who is not known, PERMISSION_DENIED for who is known and revoked
 */
export async function authenticateDevice(pool: Pool, call: PeerOf): Promise<CallingDevice> {
  const { deviceId, projectId, serial, notAfter } = peerIdentity(call);
  if (!uuid.test(deviceId)) throw new GatewayError('UNAUTHENTICATED', 'the device is not known');
  const { rows } = await pool.query<Row>({
    name: 'device-authenticate',
    text: `SELECT d.project_id, d.group_id, d.name, d.enrolled_at, d.desired_rollout_id, d.state,
        c.serial IS NOT NULL AS issued, c.revoked_at IS NOT NULL AS revoked, c.first_used_at IS NULL AS unused
      FROM devices d LEFT JOIN device_certificates c ON c.device_id = d.id AND c.serial = $2
      WHERE d.id = $1`,
    values: [deviceId, serial],
  });
  const [row] = rows;
  // The project in the certificate was signed by the authority; a device that was moved would need a new one.
  if (!row?.issued || row.project_id !== projectId) {
    throw new GatewayError('UNAUTHENTICATED', 'the device is not known');
  }
  if (row.revoked || row.state !== 'active') throw new GatewayError('PERMISSION_DENIED', 'the device was revoked');
  // The device holds this certificate now, so an older one may not be renewed after its expiry any more.
  if (row.unused) {
    await pool.query(
      'UPDATE device_certificates SET first_used_at = now() WHERE serial = $1 AND first_used_at IS NULL',
      [serial],
    );
  }
  const { group_id: groupId, name, enrolled_at: enrolledAt, desired_rollout_id: rolloutId } = row;
  return { deviceId, projectId, groupId, name, serial, enrolledAt, rolloutId, notAfter };
}
