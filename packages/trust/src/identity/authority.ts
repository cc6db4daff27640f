import { isIP } from 'node:net';
import { refuseBad, TrustError } from '../errors.js';
import { newSerial, parseCertificate, pemOf, validity } from './certificate.js';
import { algorithm, exportPrivateKey, generateKeyPair, importPrivateKey } from './keys.js';
import type { Extension, JsonGeneralNames, PublicKeyType, X509Certificate } from './x509.js';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from './x509.js';

/** A certificate authority: its certificate, which everybody may have, and its key, which only the control plane has. */
export interface Authority {
  certificatePem: string;
  /** PKCS #8. */
  privateKeyPem: string;
}

export interface AuthorityOptions {
  commonName: string;
  organization?: string;
  /** Default 3650. */
  days?: number;
  now?: Date;
}

/** Makes a self-signed authority with a fresh P-256 key. */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  refuseBad('authority', badName('commonName', options.commonName));
  const keys = await generateKeyPair();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [options.commonName] }, ...(options.organization ? [{ O: [options.organization] }] : [])],
    ...validity(options.days ?? 3650, options.now ?? new Date()),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      // RFC 5280 4.2.1.9: critical in a CA; path length 0, for this authority signs only leaves.
      new BasicConstraintsExtension(true, 0, true),
      // RFC 5280 4.2.1.3: critical.
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: pemOf(certificate), privateKeyPem: await exportPrivateKey(keys.privateKey) };
}

export interface ServerCertificateOptions {
  commonName: string;
  /** Names that clients connect to, `*.example.org` included. */
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  /** Default 90. */
  days?: number;
  now?: Date;
}

/** A leaf that an authority made together with its key. */
export interface IssuedCertificate {
  certificatePem: string;
  privateKeyPem: string;
  /** Lower-case hex. */
  serial: string;
  notAfter: Date;
}

/** Issues a TLS server certificate with a fresh key. @throws TrustError `input-invalid`, `authority-invalid` */
export async function issueServerCertificate(
  authority: Authority,
  options: ServerCertificateOptions,
): Promise<IssuedCertificate> {
  const dnsNames = options.dnsNames ?? [];
  const ipAddresses = options.ipAddresses ?? [];
  const bad = badName('commonName', options.commonName);
  if (dnsNames.length + ipAddresses.length === 0) bad.push('dnsNames, ipAddresses: expected at least one name');
  for (const name of dnsNames)
    if (!dnsName.test(name)) bad.push(`dnsNames: ${JSON.stringify(name)} is not a host name`);
  for (const address of ipAddresses)
    if (isIP(address) === 0) bad.push(`ipAddresses: ${JSON.stringify(address)} is not an address`);
  refuseBad('server certificate', bad);
  const keys = await generateKeyPair();
  const certificate = await issueLeaf(authority, {
    publicKey: keys.publicKey,
    commonName: options.commonName,
    alternativeNames: [
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ],
    usage: ExtendedKeyUsage.serverAuth,
    days: options.days ?? 90,
    now: options.now ?? new Date(),
  });
  return {
    certificatePem: pemOf(certificate),
    privateKeyPem: await exportPrivateKey(keys.privateKey),
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.notAfter,
  };
}

export interface LeafOptions {
  publicKey: PublicKeyType;
  commonName: string;
  alternativeNames: JsonGeneralNames;
  usage: ExtendedKeyUsage;
  days: number;
  now: Date;
}

/** Signs an end-entity certificate by the profile of RFC 5280 4.2.1. */
export async function issueLeaf(authority: Authority, leaf: LeafOptions): Promise<X509Certificate> {
  const issuer = parseCertificate(authority.certificatePem);
  if (!issuer.getExtension(BasicConstraintsExtension)?.ca) {
    throw new TrustError('authority-invalid', `${issuer.subject} is not a certificate authority`);
  }
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    // TLS 1.3 and ECDHE suites only sign with this key.
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([leaf.usage]),
    // RFC 5280 4.2.1.6: not critical, because the subject is not empty.
    new SubjectAlternativeNameExtension(leaf.alternativeNames),
    await SubjectKeyIdentifierExtension.create(leaf.publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
  return X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [leaf.commonName] }],
    // The issuer's name is taken as encoded: path building compares bytes.
    issuer: issuer.subjectName,
    ...validity(leaf.days, leaf.now, issuer.notAfter),
    signingAlgorithm: algorithm,
    publicKey: leaf.publicKey,
    signingKey: await importPrivateKey(authority.privateKeyPem),
    extensions,
  });
}

const dnsName =
  /^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** RFC 5280 appendix A.1: ub-common-name is 64. */
export function badName(field: string, name: string): string[] {
  return name.length > 0 && name.length <= 64 ? [] : [`${field}: expected 1 to 64 characters`];
}
