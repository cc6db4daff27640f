import { execFileSync } from 'node:child_process';
import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  certificateFingerprint,
  checkDeviceCertificate,
  createAuthority,
  createDeviceRequest,
  issueDeviceCertificate,
  issueServerCertificate,
  readDeviceIdentity,
  renewal,
  renewalTime,
} from './index.js';
import type { Authority } from './index.js';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from './x509.js';
import { parseCertificate } from './certificate.js';

const day = 24 * 60 * 60 * 1000;
const names = { deviceId: 'cam-7.hall_2', projectId: '3f6c1f0e-3f0d-4c55-9a3c-2b1f0f6f9a10' };

let authority: Authority;
let scratch: string;
beforeAll(async () => {
  authority = await createAuthority({ commonName: 'Verge devices', organization: 'Example' });
  scratch = await mkdtemp(join(tmpdir(), 'verge-identity-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function deviceCertificate(options: { days?: number; now?: Date; by?: Authority } = {}): Promise<string> {
  const { csrPem } = await createDeviceRequest({ commonName: 'anything' });
  const { by = authority, ...rest } = options;
  return (await issueDeviceCertificate(by, csrPem, { ...names, ...rest })).certificatePem;
}

describe('authority', () => {
  it('has the extensions that RFC 5280 asks of a CA', () => {
    const certificate = new X509Certificate(authority.certificatePem);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    const parsed = parseCertificate(authority.certificatePem);
    expect(parsed.extensions.map((extension) => [extension.type, extension.critical])).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.15', true],
      ['2.5.29.14', false],
      ['2.5.29.35', false],
    ]);
    expect(parsed.getExtension(BasicConstraintsExtension)?.pathLength).toBe(0);
  });

  it('refuses a name that does not fit a certificate', async () => {
    await expect(createAuthority({ commonName: '' })).rejects.toMatchObject({ code: 'input-invalid' });
    await expect(createAuthority({ commonName: 'x'.repeat(65) })).rejects.toMatchObject({ code: 'input-invalid' });
  });

  it('never issues past its own end, and nothing once it is over', async () => {
    const now = new Date('2026-01-01T00:00:00Z');
    const short = await createAuthority({ commonName: 'short', days: 10, now });
    const { csrPem } = await createDeviceRequest({ commonName: 'x' });
    const { notAfter } = await issueDeviceCertificate(short, csrPem, { ...names, days: 30, now });
    expect(notAfter.toISOString()).toBe('2026-01-11T00:00:00.000Z');
    const later = new Date(now.getTime() + 11 * day);
    await expect(issueDeviceCertificate(short, csrPem, { ...names, now: later })).rejects.toMatchObject({
      code: 'authority-invalid',
    });
  });

  it('refuses to sign with a certificate that is no authority', async () => {
    const server = await issueServerCertificate(authority, { commonName: 'server', dnsNames: ['localhost'] });
    const { csrPem } = await createDeviceRequest({ commonName: 'x' });
    await expect(issueDeviceCertificate(server, csrPem, names)).rejects.toMatchObject({ code: 'authority-invalid' });
  });

  it('names every bad field of a server certificate at once', async () => {
    const refused = issueServerCertificate(authority, {
      commonName: '',
      dnsNames: ['bad name'],
      ipAddresses: ['1.2.3'],
    });
    await expect(refused).rejects.toMatchObject({
      code: 'input-invalid',
      message: expect.stringMatching(/commonName.*dnsNames.*ipAddresses/),
    });
  });
});

describe('device certificate', () => {
  it('says who the device is', async () => {
    const request = await createDeviceRequest({ commonName: 'cam' });
    const now = new Date();
    const issued = await issueDeviceCertificate(authority, request.csrPem, { ...names, days: 3, now });
    const identity = readDeviceIdentity(issued.certificatePem);
    expect(identity).toMatchObject({ ...names, serial: issued.serial, notAfter: issued.notAfter });
    expect(issued.notAfter.getTime()).toBe(Math.floor((now.getTime() + 3 * day) / 1000) * 1000);
    const node = new X509Certificate(issued.certificatePem);
    expect(readDeviceIdentity(node.raw)).toEqual(identity);
    expect(node.serialNumber.toLowerCase()).toBe(issued.serial);
    expect(node.subjectAltName).toBe(`URI:urn:verge:project:${names.projectId}:device:${names.deviceId}`);
    expect(node.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(node.checkIssued(new X509Certificate(authority.certificatePem))).toBe(true);
    expect(certificateFingerprint(issued.certificatePem)).toBe(node.fingerprint256.replaceAll(':', '').toLowerCase());
  });

  it('takes only the key from the request', async () => {
    const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const greedy = await Pkcs10CertificateRequestGenerator.create({
      name: 'CN=root,O=Everything',
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new BasicConstraintsExtension(true, 5, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
        new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1'], true),
        new SubjectAlternativeNameExtension([
          { type: 'dns', value: 'control-plane.example.org' },
          { type: 'url', value: 'urn:verge:project:other:device:other' },
        ]),
      ],
    });
    const issued = await issueDeviceCertificate(authority, greedy.toString('pem'), names);
    const certificate = new X509Certificate(issued.certificatePem);
    expect(certificate.ca).toBe(false);
    expect(certificate.subject).toBe(`CN=${names.deviceId}`);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.subjectAltName).not.toContain('other');
    expect(readDeviceIdentity(issued.certificatePem)).toMatchObject(names);
  });

  it('refuses a request whose signature does not prove the key', async () => {
    const { csrPem } = await createDeviceRequest({ commonName: 'x' });
    const der = new Uint8Array(PemConverter.decodeFirst(csrPem));
    der[der.length - 1]! ^= 1;
    const forged = PemConverter.encode(der, 'CERTIFICATE REQUEST');
    await expect(issueDeviceCertificate(authority, forged, names)).rejects.toMatchObject({
      code: 'request-not-proven',
    });
  });

  it('refuses what is no request, and keys that it does not know', async () => {
    for (const text of ['', 'not a request', authority.certificatePem]) {
      await expect(issueDeviceCertificate(authority, text, names)).rejects.toMatchObject({ code: 'request-malformed' });
    }
    const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify']);
    const other = await Pkcs10CertificateRequestGenerator.create({
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-384' },
    });
    await expect(issueDeviceCertificate(authority, other.toString('pem'), names)).rejects.toMatchObject({
      code: 'request-key-unsupported',
    });
  });

  it('refuses identifiers that could be read as something else', async () => {
    const { csrPem } = await createDeviceRequest({ commonName: 'x' });
    const refused = issueDeviceCertificate(authority, csrPem, { deviceId: 'a:device:b', projectId: '' });
    await expect(refused).rejects.toMatchObject({
      code: 'input-invalid',
      message: expect.stringMatching(/deviceId.*projectId/),
    });
  });

  it('is checked as a whole: issuer, signature, validity, kind', async () => {
    const now = new Date();
    const good = await deviceCertificate();
    const check = (certificate: string, at = now) =>
      checkDeviceCertificate({ certificate, authorityPem: authority.certificatePem, now: at });
    await expect(check(good)).resolves.toMatchObject(names);
    // The same name, another key: only the signature tells them apart.
    const twin = await createAuthority({ commonName: 'Verge devices', organization: 'Example' });
    await expect(check(await deviceCertificate({ by: twin }))).rejects.toMatchObject({ code: 'certificate-foreign' });
    const stranger = await createAuthority({ commonName: 'Somebody' });
    await expect(check(await deviceCertificate({ by: stranger }))).rejects.toMatchObject({
      code: 'certificate-foreign',
    });
    await expect(check(good, new Date(now.getTime() + 31 * day))).rejects.toMatchObject({
      code: 'certificate-expired',
    });
    await expect(check(good, new Date(now.getTime() - day))).rejects.toMatchObject({
      code: 'certificate-not-yet-valid',
    });
    const server = await issueServerCertificate(authority, { commonName: 'server', dnsNames: ['localhost'] });
    await expect(check(server.certificatePem)).rejects.toMatchObject({ code: 'certificate-not-a-device' });
    expect(() => readDeviceIdentity('garbage')).toThrow(expect.objectContaining({ code: 'certificate-malformed' }));
  });

  it('is accepted by OpenSSL as a client, and not as a server', async ({ skip }) => {
    try {
      execFileSync('openssl', ['version']);
    } catch {
      skip('openssl is not installed');
    }
    const [ca, leaf] = [join(scratch, 'ca.pem'), join(scratch, 'leaf.pem')];
    await writeFile(ca, authority.certificatePem);
    await writeFile(leaf, await deviceCertificate());
    const verify = (purpose: string) =>
      execFileSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, leaf], {
        stdio: 'pipe',
      }).toString();
    expect(verify('sslclient')).toContain('OK');
    expect(() => verify('sslserver')).toThrow(/unsuitable certificate purpose|unsupported certificate purpose/i);
  });
});

describe('renewal', () => {
  const certificate = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2026-01-31T00:00:00Z') };

  it('is due after two thirds of the lifetime', () => {
    expect(renewalTime(certificate).toISOString()).toBe('2026-01-21T00:00:00.000Z');
    expect(renewal(certificate, new Date('2026-01-20T23:59:59Z'))).toBe('not-yet');
    expect(renewal(certificate, new Date('2026-01-21T00:00:00Z'))).toBe('due');
    expect(renewal(certificate, new Date('2026-01-31T00:00:00Z'))).toBe('due');
    expect(renewal(certificate, new Date('2026-01-31T00:00:01Z'))).toBe('expired');
  });
});
