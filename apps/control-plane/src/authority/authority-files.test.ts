import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyRepository } from '@verge/trust/verify';
import { directorMetadata } from '@verge/trust/publish';
import { openAuthorityFiles, serverIdentity } from './authority-files.js';

describe('authority files', () => {
  let base: string;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'verge-authority-'));
  });
  afterAll(() => rm(base, { recursive: true, force: true }));

  it('are made once, also by processes that start together, and read again later', async () => {
    const dir = join(base, 'together');
    const made = await Promise.all(Array.from({ length: 4 }, () => openAuthorityFiles(dir)));
    const keys = new Set(made.map((m) => m.authority.privateKeyPem + m.directorKey.keyid));
    expect(keys.size).toBe(1);
    expect((await openAuthorityFiles(dir)).authority).toEqual(made[0]!.authority);
    for (const name of ['authority.key.pem', 'director.key.json'])
      expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  });

  it('give the gateway a certificate for every name it is reached by', async () => {
    const { authority } = await openAuthorityFiles(join(base, 'names'));
    const certificate = new X509Certificate((await serverIdentity(authority, 'edge.example.org')).certificatePem);
    expect(certificate.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
    expect(certificate.checkHost('edge.example.org')).toBe('edge.example.org');
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
  });

  it('renew the director root in good time, and a device that has the first one follows', async () => {
    const dir = join(base, 'renewal');
    const first = await openAuthorityFiles(dir, new Date(Date.now() - 300 * 86_400_000));
    const later = await openAuthorityFiles(dir);
    expect([...first.directorRoots.keys()]).toEqual(['1.root.json']);
    expect([...later.directorRoots.keys()].sort()).toEqual(['1.root.json', '2.root.json']);
    const files = directorMetadata({
      roots: later.directorRoots,
      deviceId: 'd',
      targets: [],
      versions: { targets: 1, snapshot: 1, timestamp: 1 },
      key: later.directorKey,
      expires: new Date(Date.now() + 1000_000),
    });
    const trustedRoot = first.directorRoots.get('1.root.json')!;
    expect((await verifyRepository({ trustedRoot, files })).versions.root).toBe(2);
  });
});
