import { verify, createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, decodeKey, encodeKey, importKey, readKeyFile, tufKey, writeKeyFile } from './index.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verge-keys-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const passphrase = 'correct horse battery staple';

describe('keys', () => {
  it('sign as RFC 8032 says (section 7.1, test 2)', () => {
    const seed = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
    // RFC 8410 section 7: the fixed head of an Ed25519 PKCS #8.
    const key = importKey(Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'));
    expect(key.public.keyval.public).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
    expect(Buffer.from(key.sign(new Uint8Array([0x72]))).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('have ids that depend on the public key alone', () => {
    const key = createKey();
    expect(tufKey(key.public.keyval.public)).toEqual(key.public);
    expect(key.keyid).toMatch(/^[0-9a-f]{64}$/);
    expect(() => importKey(new Uint8Array(10))).toThrow(expect.objectContaining({ code: 'key-malformed' }));
    expect(() => tufKey('xyz')).toThrow(expect.objectContaining({ code: 'key-malformed' }));
  });
});

describe('key files', () => {
  it('keep a key, in the clear or encrypted', async () => {
    const key = createKey();
    for (const options of [{}, { passphrase }]) {
      const path = join(dir, `key-${'passphrase' in options}.json`);
      await writeKeyFile(path, key, options);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      const back = await readKeyFile(path, options);
      const bytes = new TextEncoder().encode('message');
      const der = Buffer.concat([
        Buffer.from('302a300506032b6570032100', 'hex'),
        Buffer.from(key.public.keyval.public, 'hex'),
      ]);
      const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
      expect(verify(null, bytes, publicKey, back.sign(bytes))).toBe(true);
    }
    const secret = Buffer.from(key.exportPrivate()).toString('base64');
    expect(await readFile(join(dir, 'key-true.json'), 'utf8')).not.toContain(secret.slice(-20));
  });

  it('never overwrite a key', async () => {
    const path = join(dir, 'once.json');
    await writeKeyFile(path, createKey());
    const before = await readFile(path, 'utf8');
    await expect(writeKeyFile(path, createKey())).rejects.toMatchObject({ code: 'key-exists' });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('open with the right passphrase only, and only untouched', async () => {
    const key = createKey();
    const text = await encodeKey(key, { passphrase });
    await expect(decodeKey(text)).rejects.toMatchObject({ code: 'passphrase-needed' });
    await expect(decodeKey(text, { passphrase: 'wrong' })).rejects.toMatchObject({ code: 'passphrase-wrong' });
    const file = JSON.parse(text);
    const flipped = Buffer.from(file.sealed.data, 'base64');
    flipped[20]! ^= 1;
    const tampered = { ...file, sealed: { ...file.sealed, data: flipped.toString('base64') } };
    await expect(decodeKey(JSON.stringify(tampered), { passphrase })).rejects.toMatchObject({
      code: 'passphrase-wrong',
    });
    const other = createKey();
    const relabelled = { ...file, keyid: other.keyid, public: other.public.keyval.public };
    await expect(decodeKey(JSON.stringify(relabelled), { passphrase })).rejects.toMatchObject({
      code: 'passphrase-wrong',
    });
  });

  it('are refused where they are damaged or hostile', async () => {
    const file = JSON.parse(await encodeKey(createKey(), { passphrase }));
    const greedy = { ...file, sealed: { ...file.sealed, N: 2 ** 30 } };
    await expect(decodeKey(JSON.stringify(greedy), { passphrase })).rejects.toMatchObject({ code: 'key-malformed' });
    const odd = { ...file, sealed: { ...file.sealed, N: 1000 } };
    await expect(decodeKey(JSON.stringify(odd), { passphrase })).rejects.toMatchObject({ code: 'key-malformed' });
    await expect(decodeKey('{')).rejects.toMatchObject({ code: 'key-malformed' });
    await expect(decodeKey('{"version":2}')).rejects.toMatchObject({
      code: 'key-malformed',
      message: expect.stringMatching(/format.*version.*keyid.*public/),
    });
    const path = join(dir, 'absent.json');
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'key-unreadable' });
    await writeFile(path, 'null');
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'key-malformed' });
  });
});
