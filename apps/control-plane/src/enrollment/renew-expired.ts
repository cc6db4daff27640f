/**
 * A device that was off for longer than its certificate lived comes back. TLS would refuse the old certificate, so it comes
 * to the enrolment port and proves there that it holds the same key.
 */
import type { RenewExpiredRequestReceived } from '@verge/contracts/grpc';
import type { DeviceIdentity } from '@verge/trust/identity';
import {
  certificateKeyFingerprint,
  checkDeviceCertificate,
  requestKeyFingerprint,
  TrustError,
} from '@verge/trust/identity';
import type { Db } from '../database/database.service.js';
import { GatewayError, invalidArgument } from '../gateway/status.js';
import type { Enrolled, EnrollParts } from './enroll.js';
import { certify, csrPemOf } from './enroll.js';

const dayMs = 86_400_000;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const mostBytes = 16_384;

export interface RenewExpiredParts extends EnrollParts {
  readonly graceDays: number;
}

/** What the database says about the one who asks. */
export interface GraceFacts {
  readonly state: string;
  readonly revoked: boolean;
  /** The device has used a certificate that was issued after this one. */
  readonly overtaken: boolean;
  readonly notAfter: Date;
}

/** Pure: why a certificate is not renewed after its expiry, or null when it is. */
export function graceRefusal(facts: GraceFacts, graceDays: number, now: Date): string | null {
  if (facts.state !== 'active' || facts.revoked) return 'the device was revoked';
  if (facts.overtaken) return 'the device has used a newer certificate since';
  if (now.getTime() <= facts.notAfter.getTime() + graceDays * dayMs) return null;
  const ended = facts.notAfter.toISOString();
  return `the certificate expired at ${ended}, and the grace period is ${graceDays} days; enrol the device again`;
}

/**
 * The refusal of a device that is known is audited, so it is committed before it is thrown.
 * @throws GatewayError UNAUTHENTICATED for who is not known, PERMISSION_DENIED for who is and may not, INVALID_ARGUMENT
 */
export async function renewExpired(
  parts: RenewExpiredParts,
  request: RenewExpiredRequestReceived,
  now = new Date(),
): Promise<Enrolled> {
  const { identity, csrPem } = await provenIdentity(parts, request, now);
  const outcome = await parts.database.$transaction((db) => renewOnce(parts, db, identity, csrPem, now), {
    timeout: 30_000,
    maxWait: 30_000,
  });
  if (typeof outcome === 'string') throw new GatewayError('PERMISSION_DENIED', outcome);
  return outcome;
}

/** Who asks: our authority named the device for this key once, and the request is signed by that key (RFC 2986 3). */
async function provenIdentity(
  { authority }: RenewExpiredParts,
  { certificateDer, csrDer }: RenewExpiredRequestReceived,
  now: Date,
): Promise<{ identity: DeviceIdentity; csrPem: string }> {
  const bad = [
    { field: 'certificate_der', length: certificateDer.length, what: 'an X.509 certificate' },
    { field: 'csr_der', length: csrDer.length, what: 'a PKCS #10 request' },
  ].filter(({ length }) => length < 1 || length > mostBytes);
  if (bad.length > 0) {
    throw invalidArgument(
      bad.map(({ field, what }) => ({ field, detail: `expected ${what} of at most ${mostBytes} bytes` })),
    );
  }
  const csrPem = csrPemOf(csrDer);
  try {
    const { authorityPem } = authority;
    const certificate = certificateDer;
    // How long ago it expired is judged below, where a refusal can be audited.
    const identity = await checkDeviceCertificate({ certificate, authorityPem, now, graceDays: Infinity });
    if ((await requestKeyFingerprint(csrPem)) === certificateKeyFingerprint(certificate)) return { identity, csrPem };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw new GatewayError('UNAUTHENTICATED', `${error.code}: ${error.message}`, { cause: error });
  }
  throw new GatewayError('UNAUTHENTICATED', 'the request is not signed by the key of the certificate');
}

async function renewOnce(
  parts: RenewExpiredParts,
  db: Db,
  { deviceId, projectId, serial, notAfter }: DeviceIdentity,
  csrPem: string,
  now: Date,
): Promise<Enrolled | string> {
  const unknown = new GatewayError('UNAUTHENTICATED', 'the device is not known');
  if (!uuid.test(deviceId)) throw unknown;
  // A revocation at the same moment waits, or is seen.
  await db.$queryRaw`SELECT id FROM devices WHERE id = ${deviceId}::uuid FOR UPDATE`;
  const device = await db.device.findUnique({ where: { id: deviceId } });
  const certificate = await db.deviceCertificate.findUnique({ where: { serial } });
  if (device?.projectId !== projectId || certificate?.deviceId !== deviceId) throw unknown;
  const newer = await db.deviceCertificate.count({
    where: { deviceId, issuedAt: { gt: certificate.issuedAt }, firstUsedAt: { not: null } },
  });
  const facts = { state: device.state, revoked: certificate.revokedAt !== null, overtaken: newer > 0, notAfter };
  const refusal = graceRefusal(facts, parts.graceDays, now);
  const subject = { kind: 'device', id: deviceId, name: device.name };
  const actor = { kind: 'device', id: deviceId, name: device.name } as const;
  const entry = { actor, projectId, action: 'device.renew-expired', subject };
  const detail = { serial, expiredAt: notAfter.toISOString() };
  if (refusal !== null) {
    await parts.audit.record({ ...entry, outcome: 'refused', detail: { ...detail, reason: refusal } }, db);
    return refusal;
  }
  const enrolled = { deviceId, projectId, name: device.name };
  const certificatePem = await certify(parts, db, csrPem, enrolled);
  const days = Math.max(0, Math.floor((now.getTime() - notAfter.getTime()) / dayMs));
  const message = `renewed its certificate ${days} days after it had expired`;
  await db.deviceEvent.create({ data: { deviceId, kind: 'certificate.renewed', message, detail } });
  await parts.audit.record({ ...entry, detail }, db);
  return { ...enrolled, certificatePem };
}
