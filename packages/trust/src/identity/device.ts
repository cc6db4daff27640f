import { createHash } from 'node:crypto';
import { reasonOf, refuseBad, TrustError } from '../errors.js';
import type { Authority } from './authority.js';
import { badName, issueLeaf } from './authority.js';
import type { CertificateInput } from './certificate.js';
import { dayMs, parseCertificate, pemOf } from './certificate.js';
import { algorithm, exportPrivateKey, generateKeyPair, importKeyPair } from './keys.js';
import type { X509Certificate } from './x509.js';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from './x509.js';

/** What a device makes at home before it enrols or renews; the key never leaves it. */
export interface DeviceRequest {
  /** PKCS #8. */
  privateKeyPem: string;
  /** PKCS #10. */
  csrPem: string;
}

/**
 * Makes a P-256 key, or takes the one that is there, and a certificate signing request that proves possession of it
 * (RFC 2986).
 */
export async function createDeviceRequest(options: {
  commonName: string;
  /** PKCS #8 in PEM; absent: a fresh key. */
  privateKeyPem?: string;
}): Promise<DeviceRequest> {
  refuseBad('device request', badName('commonName', options.commonName));
  const { privateKeyPem } = options;
  const keys = privateKeyPem === undefined ? await generateKeyPair() : await importKeyPair(privateKeyPem);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [options.commonName] }],
    signingAlgorithm: algorithm,
    keys,
  });
  const own = privateKeyPem ?? (await exportPrivateKey(keys.privateKey));
  return { privateKeyPem: own, csrPem: `${request.toString('pem')}\n` };
}

export interface DeviceCertificateOptions {
  /** 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit. */
  deviceId: string;
  /** The same alphabet. */
  projectId: string;
  /** Default 30. */
  days?: number;
  now?: Date;
}

export interface DeviceCertificate {
  certificatePem: string;
  /** Lower-case hex; what revocation is recorded by. */
  serial: string;
  notAfter: Date;
}

/**
 * Issues a TLS client certificate for the key of a signing request. Only the key is taken from the request: the name,
 * the usages and the lifetime are the authority's to say, whatever the request asks for.
 * @throws TrustError `request-malformed`, `request-not-proven`, `request-key-unsupported`, `input-invalid`, `authority-invalid`
 */
export async function issueDeviceCertificate(
  authority: Authority,
  csrPem: string,
  options: DeviceCertificateOptions,
): Promise<DeviceCertificate> {
  const bad: string[] = [];
  for (const field of ['deviceId', 'projectId'] as const) {
    if (!identifier.test(options[field])) bad.push(`${field}: expected 1 to 64 letters, digits, '.', '_' or '-'`);
  }
  refuseBad('device certificate', bad);
  const request = await parseRequest(csrPem);
  const certificate = await issueLeaf(authority, {
    publicKey: request.publicKey,
    commonName: options.deviceId,
    alternativeNames: [{ type: 'url', value: deviceUri(options.projectId, options.deviceId) }],
    usage: ExtendedKeyUsage.clientAuth,
    days: options.days ?? 30,
    now: options.now ?? new Date(),
  });
  return {
    certificatePem: pemOf(certificate),
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.notAfter,
  };
}

/**
 * SHA-256 of the SubjectPublicKeyInfo in a signing request, lower-case hex: the same for every request with the same key.
 * @throws TrustError `request-malformed`, `request-not-proven`, `request-key-unsupported`
 */
export async function requestKeyFingerprint(csrPem: string): Promise<string> {
  const request = await parseRequest(csrPem);
  return createHash('sha256').update(new Uint8Array(request.publicKey.rawData)).digest('hex');
}

/** SHA-256 of the SubjectPublicKeyInfo in a certificate, lower-case hex; see `requestKeyFingerprint`. */
export function certificateKeyFingerprint(input: CertificateInput): string {
  const { publicKey } = parseCertificate(input);
  return createHash('sha256').update(new Uint8Array(publicKey.rawData)).digest('hex');
}

async function parseRequest(csrPem: string): Promise<Pkcs10CertificateRequest> {
  let request: Pkcs10CertificateRequest;
  let curve: unknown;
  try {
    request = new Pkcs10CertificateRequest(new Uint8Array(PemConverter.decodeFirst(csrPem)));
    curve = { ...request.publicKey.algorithm };
  } catch (error) {
    throw new TrustError('request-malformed', `expected a PKCS #10 request in PEM: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  if (JSON.stringify(curve) !== JSON.stringify({ name: 'ECDSA', namedCurve: 'P-256' })) {
    throw new TrustError('request-key-unsupported', `expected an ECDSA key on P-256, got ${JSON.stringify(curve)}`);
  }
  // RFC 2986 3: the signature over the request shows that the sender holds the private key.
  const proven = await request.verify().catch(() => false);
  if (!proven) throw new TrustError('request-not-proven', 'the signature of the request does not fit its public key');
  return request;
}

/** Who a device certificate says its holder is. */
export interface DeviceIdentity {
  deviceId: string;
  projectId: string;
  /** Lower-case hex. */
  serial: string;
  notBefore: Date;
  notAfter: Date;
}

/**
 * Reads the identity in a device certificate; says nothing about who signed it (TLS or `checkDeviceCertificate` does).
 * @throws TrustError `certificate-malformed`, `certificate-not-a-device`
 */
export function readDeviceIdentity(input: CertificateInput): DeviceIdentity {
  return identityOf(parseCertificate(input));
}

function identityOf(certificate: X509Certificate): DeviceIdentity {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const found = names.flatMap((name) => (name.type === 'url' ? (uriPattern.exec(name.value) ?? []) : []));
  const [, projectId, deviceId] = found;
  // Exactly one name of ours: two could be read differently by two readers.
  if (found.length !== 3 || projectId === undefined || deviceId === undefined) {
    throw new TrustError('certificate-not-a-device', `${certificate.subject} names no device`);
  }
  const usages = certificate.getExtension(ExtendedKeyUsageExtension)?.usages ?? [];
  if (!usages.includes(ExtendedKeyUsage.clientAuth) || certificate.getExtension(BasicConstraintsExtension)?.ca) {
    throw new TrustError('certificate-not-a-device', `${certificate.subject} is not a TLS client certificate`);
  }
  return {
    deviceId,
    projectId,
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}

/**
 * The whole check of a device certificate where TLS has not done it: issuer, signature, validity and name.
 * @throws TrustError `certificate-foreign`, `certificate-expired`, `certificate-not-yet-valid` and those of `readDeviceIdentity`
 */
export async function checkDeviceCertificate(options: {
  certificate: CertificateInput;
  authorityPem: string;
  now?: Date;
  /** How long after its expiry a certificate still tells who its holder is; default 0. */
  graceDays?: number;
}): Promise<DeviceIdentity> {
  const certificate = parseCertificate(options.certificate);
  const authority = parseCertificate(options.authorityPem);
  const signed =
    Buffer.from(certificate.issuerName.toArrayBuffer()).equals(Buffer.from(authority.subjectName.toArrayBuffer())) &&
    (await certificate.verify({ publicKey: authority.publicKey, signatureOnly: true }).catch(() => false));
  if (!signed)
    throw new TrustError('certificate-foreign', `${certificate.subject} was not issued by ${authority.subject}`);
  const identity = identityOf(certificate);
  const now = options.now ?? new Date();
  if (now < identity.notBefore) {
    throw new TrustError('certificate-not-yet-valid', `valid from ${identity.notBefore.toISOString()}`);
  }
  if (now.getTime() > identity.notAfter.getTime() + (options.graceDays ?? 0) * dayMs)
    throw new TrustError('certificate-expired', `expired at ${identity.notAfter.toISOString()}`);
  return identity;
}

const identifier = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const uriPattern = /^urn:verge:project:([A-Za-z0-9][A-Za-z0-9._-]{0,63}):device:([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;

/** The subject alternative name of a device: a URN, since a device has neither a host name nor a fixed address. */
export function deviceUri(projectId: string, deviceId: string): string {
  return `urn:verge:project:${projectId}:device:${deviceId}`;
}
