import { randomBytes, createHash } from 'node:crypto';
import { reasonOf, refuseBad, TrustError } from '../errors.js';
import { PemConverter, X509Certificate } from './x509.js';

/** A certificate as PEM text or as DER bytes (`socket.getPeerCertificate().raw`). */
export type CertificateInput = string | Uint8Array;

export const dayMs = 24 * 60 * 60 * 1000;

/** Certificates start a little in the past, because devices' clocks lag. */
const clockSkewMs = 5 * 60 * 1000;

/** @throws TrustError `certificate-malformed` */
export function parseCertificate(input: CertificateInput): X509Certificate {
  try {
    const der = typeof input === 'string' ? new Uint8Array(PemConverter.decodeFirst(input)) : new Uint8Array(input);
    return new X509Certificate(der);
  } catch (error) {
    throw new TrustError('certificate-malformed', `expected an X.509 certificate: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

export function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** SHA-256 of the DER, lower-case hex: the name of exactly this certificate. */
export function certificateFingerprint(input: CertificateInput): string {
  return createHash('sha256')
    .update(new Uint8Array(parseCertificate(input).rawData))
    .digest('hex');
}

/**
 * RFC 5280 4.1.2.2: positive, at most 20 octets, unpredictable. The first octet lies in 0x40..0x7f, so the number has
 * neither a sign bit nor a leading zero and every tool prints the same 32 digits.
 */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/** The validity of a new certificate, never past its issuer's (RFC 5280 6.1 would refuse it there anyway). */
export function validity(days: number, now: Date, issuerNotAfter?: Date): Validity {
  refuseBad('validity', Number.isFinite(days) && days > 0 ? [] : [`days: expected a positive number, got ${days}`]);
  // X.509 times have whole seconds.
  const notBefore = new Date(Math.floor((now.getTime() - clockSkewMs) / 1000) * 1000);
  const end = Math.floor((now.getTime() + days * dayMs) / 1000) * 1000;
  const notAfter = new Date(Math.min(end, issuerNotAfter?.getTime() ?? end));
  if (notAfter <= now) throw new TrustError('authority-invalid', `the authority expired at ${notAfter.toISOString()}`);
  return { notBefore, notAfter };
}
