/** The device's side of enrolment: a token and a signing request become a device and its certificate. */
import type { FieldError } from '@verge/contracts';
import { Slug, textProblem } from '@verge/contracts';
import type { EnrollRequestReceived } from '@verge/contracts/grpc';
import {
  certificateFingerprint,
  certificateKeyFingerprint,
  requestKeyFingerprint,
  TrustError,
} from '@verge/trust/identity';
import { hashSecret } from '../access/secret.js';
import type { AuditService } from '../audit/audit.service.js';
import type { AuthorityService } from '../authority/authority.service.js';
import type { DatabaseService, Db } from '../database/database.service.js';
import { isUniqueViolation } from '../database/database.service.js';
import { GatewayError, invalidArgument } from '../gateway/status.js';
import { checkFacts, visibleFacts } from '../devices/facts.js';
import { reEnroll } from './re-enroll.js';

export interface Enrolled {
  readonly deviceId: string;
  readonly projectId: string;
  readonly name: string;
  readonly certificatePem: string;
}

export interface EnrollParts {
  readonly database: DatabaseService;
  readonly authority: AuthorityService;
  readonly audit: AuditService;
}

/** DER to PEM (RFC 7468). */
export function csrPemOf(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`;
}

export function checkEnrollRequest(request: EnrollRequestReceived): void {
  const bad: FieldError[] = [];
  if (request.token.length < 1 || request.token.length > 256) {
    bad.push({ field: 'token', detail: 'expected 1 to 256 characters' });
  }
  if (request.csrDer.length < 1 || request.csrDer.length > 16_384) {
    bad.push({ field: 'csr_der', detail: 'expected a PKCS #10 request of at most 16384 bytes' });
  }
  const named = request.name.length > 120 ? 'expected at most 120 characters' : textProblem(request.name);
  if (named !== null) bad.push({ field: 'name', detail: named });
  if (request.deviceClass !== '' && !Slug.safeParse(request.deviceClass).success) {
    bad.push({ field: 'device_class', detail: 'expected 1-63 lower-case letters, digits, dots or dashes' });
  }
  bad.push(...checkFacts(request.facts));
  if (bad.length > 0) throw invalidArgument(bad);
}

/**
 * One transaction: the token's use is counted, the device made and the certificate recorded, or nothing.
 * @throws GatewayError UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT
 */
export async function enroll(parts: EnrollParts, request: EnrollRequestReceived, now = new Date()): Promise<Enrolled> {
  checkEnrollRequest(request);
  const csrPem = csrPemOf(request.csrDer);
  const keyFingerprint = await refuseBadCsr(() => requestKeyFingerprint(csrPem));
  for (let attempt = 0; ; attempt++) {
    try {
      return await enrollOnce(parts, request, { csrPem, keyFingerprint }, now);
    } catch (error) {
      // The same key, or a device of the same name, was enrolled at the same moment: now it is there to be found.
      if (attempt === 2 || !isUniqueViolation(error)) throw error;
    }
  }
}

function enrollOnce(
  parts: EnrollParts,
  request: EnrollRequestReceived,
  { csrPem, keyFingerprint }: { csrPem: string; keyFingerprint: string },
  now: Date,
): Promise<Enrolled> {
  return parts.database.$transaction(
    async (db) => {
      const token = await findToken(db, hashSecret(request.token), now);
      if (request.deviceClass !== '' && request.deviceClass !== token.deviceClass) {
        const detail = `the token is for devices of class ${token.deviceClass}`;
        throw invalidArgument([{ field: 'device_class', detail }]);
      }
      const device = await findOrCreate(parts, db, token, request, keyFingerprint);
      const enrolled = { deviceId: device.id, projectId: device.projectId, name: device.name };
      const certificatePem = await certify(parts, db, csrPem, enrolled);
      if (!device.again) {
        if (token.deviceId === null) await recordEnrollment(parts, db, token, device);
        await useToken(db, token);
      }
      return { ...enrolled, certificatePem };
    },
    { timeout: 30_000, maxWait: 30_000 },
  );
}

type Token = Awaited<ReturnType<typeof findToken>>;
type FoundDevice = { id: string; projectId: string; name: string; again: boolean };

async function findToken(db: Db, tokenHash: string, now: Date) {
  const token = await db.enrollmentToken.findUnique({ where: { tokenHash } });
  if (token === null) throw new GatewayError('UNAUTHENTICATED', 'the enrolment token is not known');
  if (token.revokedAt !== null) throw new GatewayError('PERMISSION_DENIED', 'the enrolment token was revoked');
  if (token.expiresAt <= now) throw new GatewayError('PERMISSION_DENIED', 'the enrolment token has expired');
  return token;
}

/**
 * Counts a use. This comes last, because it locks the token to the end of the transaction: a thousand devices that share
 * one token wait for each other only here.
 */
async function useToken(db: Db, { id }: Token): Promise<void> {
  const used = await db.$executeRaw`UPDATE enrollment_tokens SET uses = uses + 1
    WHERE id = ${id}::uuid AND uses < max_uses AND revoked_at IS NULL`;
  if (used === 0) throw tokenUsedUp();
}

function tokenUsedUp(): GatewayError {
  return new GatewayError('PERMISSION_DENIED', 'the enrolment token has been used as often as it may be');
}

/** The same token and key again are the same device: it lost our answer. */
async function findOrCreate(
  { audit }: EnrollParts,
  db: Db,
  token: Token,
  request: EnrollRequestReceived,
  keyFingerprint: string,
): Promise<FoundDevice> {
  const before = await db.enrollment.findUnique({
    where: { tokenId_keyFingerprint: { tokenId: token.id, keyFingerprint } },
    include: { device: true },
  });
  if (before !== null) {
    if (before.device.state !== 'active') throw new GatewayError('PERMISSION_DENIED', 'the device was revoked');
    const { id, projectId, name } = before.device;
    return { id, projectId, name, again: true };
  }
  if (token.uses >= token.maxUses) throw tokenUsedUp();
  await refuseDeleted(db, token, keyFingerprint);
  const { deviceId } = token;
  if (deviceId !== null) {
    return { ...(await reEnroll(audit, db, { ...token, deviceId }, keyFingerprint)), again: false };
  }
  const { id, projectId, name } = await db.device.create({
    data: {
      projectId: token.projectId,
      groupId: token.groupId,
      deviceClass: token.deviceClass,
      name: await freeName(db, token, request.name.trim(), keyFingerprint),
      facts: visibleFacts(request.facts),
      certificateExpiresAt: new Date(0),
      enrollments: { create: { tokenId: token.id, keyFingerprint } },
    },
  });
  return { id, projectId, name, again: false };
}

/** A device that was deleted comes back only with a token that was made since: somebody wants it again. */
async function refuseDeleted(db: Db, token: Token, keyFingerprint: string): Promise<void> {
  const { projectId, createdAt } = token;
  const deleted = await db.deletedDeviceKey.findUnique({
    where: { projectId_keyFingerprint: { projectId, keyFingerprint } },
  });
  if (deleted === null || deleted.deletedAt < createdAt) return;
  throw new GatewayError('PERMISSION_DENIED', 'the device was deleted; it enrols again only with a new token');
}

/** A device that lost its disk enrols again under the name it had: the new one gets a suffix from its key. */
async function freeName(db: Db, token: Token, wanted: string, keyFingerprint: string): Promise<string> {
  const name = wanted === '' ? `${token.deviceClass}-${keyFingerprint.slice(0, 8)}` : wanted;
  const taken = await db.device.findFirst({ where: { projectId: token.projectId, name }, select: { id: true } });
  return taken === null ? name : `${name}-${keyFingerprint.slice(0, 8)}`;
}

/** Issues and records a certificate. @throws GatewayError INVALID_ARGUMENT for a request that cannot be signed */
export async function certify(
  { authority }: Pick<EnrollParts, 'authority'>,
  db: Db,
  csrPem: string,
  device: { deviceId: string; projectId: string },
): Promise<string> {
  const { deviceId, projectId } = device;
  const issued = await refuseBadCsr(() => authority.issue(csrPem, { deviceId, projectId }));
  const { certificatePem, serial, notAfter } = issued;
  const fingerprint = certificateFingerprint(certificatePem);
  const keyFingerprint = certificateKeyFingerprint(certificatePem);
  await db.deviceCertificate.create({ data: { serial, deviceId, fingerprint, keyFingerprint, expiresAt: notAfter } });
  await db.device.update({
    where: { id: deviceId },
    data: { certificateSerial: serial, certificateExpiresAt: notAfter },
  });
  return certificatePem;
}

async function recordEnrollment({ audit }: EnrollParts, db: Db, token: Token, device: FoundDevice): Promise<void> {
  const { id, projectId, name } = device;
  await db.deviceEvent.create({ data: { deviceId: id, kind: 'enrolled', message: 'enrolled' } });
  await audit.record(
    {
      actor: { kind: 'device', id, name },
      projectId,
      action: 'device.enroll',
      subject: { kind: 'device', id, name },
      detail: { token: token.name, tokenId: token.id, deviceClass: token.deviceClass },
    },
    db,
  );
}

async function refuseBadCsr<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw invalidArgument([{ field: 'csr_der', detail: `${error.code}: ${error.message}` }]);
  }
}
