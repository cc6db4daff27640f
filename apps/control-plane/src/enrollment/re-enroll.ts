/** A device enrols again as the device that it is: its certificate was lost or has expired for too long, or its disk was lost. */
import { GatewayError } from '../gateway/status.js';
import type { AuditService } from '../audit/audit.service.js';
import type { Db } from '../database/database.service.js';

export interface ReEnrollToken {
  readonly id: string;
  readonly name: string;
  readonly deviceId: string;
  readonly allowNewKey: boolean;
}

/**
 * @returns the device, ready for a new certificate
 * @throws GatewayError PERMISSION_DENIED for a device that was revoked, and for a key that the token does not allow
 */
export async function reEnroll(
  audit: AuditService,
  db: Db,
  token: ReEnrollToken,
  keyFingerprint: string,
): Promise<{ id: string; projectId: string; name: string }> {
  const { deviceId } = token;
  await db.$queryRaw`SELECT id FROM devices WHERE id = ${deviceId}::uuid FOR UPDATE`;
  const { id, projectId, name, state } = await db.device.findUniqueOrThrow({ where: { id: deviceId } });
  if (state !== 'active') throw new GatewayError('PERMISSION_DENIED', 'the device was revoked');
  const newKey = !(await isKnownKey(db, deviceId, keyFingerprint));
  if (newKey && !token.allowNewKey) {
    const detail = 'the token is for the key that the device has; another key needs a token that allows it';
    throw new GatewayError('PERMISSION_DENIED', detail);
  }
  // Whoever has the lost disk has the old key.
  if (newKey) {
    await db.deviceCertificate.updateMany({
      where: { deviceId, revokedAt: null },
      data: { revokedAt: new Date(), reason: 'the device enrolled again with a new key' },
    });
  }
  await db.enrollment.create({ data: { tokenId: token.id, keyFingerprint, deviceId } });
  const message = newKey ? 'enrolled again with a new key' : 'enrolled again';
  await db.deviceEvent.create({ data: { deviceId, kind: 'enrolled', message } });
  const subject = { kind: 'device', id, name };
  const actor = { kind: 'device', id, name } as const;
  const detail = { tokenId: token.id, newKey };
  await audit.record({ actor, projectId, action: 'device.re-enroll', subject, detail }, db);
  return { id, projectId, name };
}

/** A key that the device had here and that was not taken from it. */
async function isKnownKey(db: Db, deviceId: string, keyFingerprint: string): Promise<boolean> {
  const certificates = await db.deviceCertificate.findMany({ where: { deviceId, keyFingerprint } });
  if (certificates.length > 0) return certificates.some(({ revokedAt }) => revokedAt === null);
  // Certificates of before did not record their key; the enrolment did.
  return (await db.enrollment.count({ where: { deviceId, keyFingerprint } })) > 0;
}
