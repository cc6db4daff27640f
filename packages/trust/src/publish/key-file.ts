import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { reasonOf, TrustError } from '../errors.js';
import type { SigningKey } from './keys.js';
import { importKey, tufKey } from './keys.js';

/** scrypt (RFC 7914) as OWASP advises for passwords: 128 MiB and a few tenths of a second for each guess. */
const work = { N: 2 ** 17, r: 8, p: 1 } as const;

/** A stored file may not make us spend more than this, whoever wrote it: 1 GiB. */
const memoryLimit = 2 ** 30;

interface Sealed {
  kdf: 'scrypt';
  N: number;
  r: number;
  p: number;
  salt: string;
  cipher: 'aes-256-gcm';
  iv: string;
  tag: string;
  data: string;
}

export interface KeyFileOptions {
  /** Absent: the key is written in the clear, protected only by the file's mode 0600. */
  passphrase?: string | undefined;
}

/** A key as text; encrypted at rest with a passphrase. */
export async function encodeKey(key: SigningKey, options: KeyFileOptions = {}): Promise<string> {
  const head = { format: 'verge-signing-key', version: 1, keyid: key.keyid, public: key.public.keyval.public };
  const secret = Buffer.from(key.exportPrivate());
  if (options.passphrase === undefined) {
    return `${JSON.stringify({ ...head, pkcs8: secret.toString('base64') }, null, 2)}\n`;
  }
  const salt = randomBytes(32);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await derive(options.passphrase, salt, work), iv);
  // The key id is authenticated with the secret, so nobody can relabel an encrypted key.
  cipher.setAAD(Buffer.from(key.keyid, 'hex'));
  const data = Buffer.concat([cipher.update(secret), cipher.final()]);
  const sealed: Sealed = {
    kdf: 'scrypt',
    ...work,
    salt: salt.toString('base64'),
    cipher: 'aes-256-gcm',
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
  return `${JSON.stringify({ ...head, sealed }, null, 2)}\n`;
}

/** @throws TrustError `key-malformed`, `passphrase-needed`, `passphrase-wrong` */
export async function decodeKey(text: string, options: KeyFileOptions = {}): Promise<SigningKey> {
  const file = parseKeyFile(text);
  const secret = file.sealed
    ? await unseal(file.sealed, file.keyid, options.passphrase)
    : Buffer.from(file.pkcs8, 'base64');
  const key = importKey(secret);
  if (key.keyid !== file.keyid)
    throw new TrustError('key-malformed', 'the key in the file is not the one that it names');
  return key;
}

/**
 * Writes a key where there is no file yet, readable by its owner only.
 * @throws TrustError `key-exists`, `key-unreadable`
 */
export async function writeKeyFile(path: string, key: SigningKey, options: KeyFileOptions = {}): Promise<void> {
  const text = await encodeKey(key, options);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const [code, why] = exists
      ? (['key-exists', 'is already there'] as const)
      : (['key-unreadable', reasonOf(error)] as const);
    throw new TrustError(code, `key file ${path}: ${why}`, { cause: error });
  }
}

/** @throws TrustError `key-unreadable` and those of `decodeKey` */
export async function readKeyFile(path: string, options: KeyFileOptions = {}): Promise<SigningKey> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new TrustError('key-unreadable', `key file ${path}: ${reasonOf(error)}`, { cause: error });
  });
  return decodeKey(text, options);
}

function derive(passphrase: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // NFKC, so that the same passphrase typed on another system is the same bytes.
    scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: memoryLimit + 2 ** 20 }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

async function unseal(sealed: Sealed, keyid: string, passphrase: string | undefined): Promise<Buffer> {
  if (passphrase === undefined) throw new TrustError('passphrase-needed', 'the key is encrypted');
  if (128 * sealed.N * sealed.r > memoryLimit || sealed.p > 16) {
    throw new TrustError('key-malformed', 'the file asks for more work than is allowed');
  }
  const key = await derive(passphrase, Buffer.from(sealed.salt, 'base64'), sealed).catch((error: unknown) => {
    throw new TrustError('key-malformed', `the file's scrypt parameters are unusable: ${reasonOf(error)}`, {
      cause: error,
    });
  });
  try {
    const options = { authTagLength: 16 };
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64'), options);
    decipher.setAAD(Buffer.from(keyid, 'hex'));
    decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(sealed.data, 'base64')), decipher.final()]);
  } catch (error) {
    throw new TrustError('passphrase-wrong', 'the passphrase does not open the key (or the file was changed)', {
      cause: error,
    });
  }
}

type KeyFile = { keyid: string } & ({ pkcs8: string; sealed?: undefined } | { sealed: Sealed });

function parseKeyFile(text: string): KeyFile {
  const file = recordOf(parseJson(text));
  const { format, version, keyid, public: publicHex, pkcs8, sealed } = file;
  const bad: string[] = [];
  if (format !== 'verge-signing-key') bad.push('format: expected verge-signing-key');
  if (version !== 1) bad.push('version: expected 1');
  if (typeof publicHex !== 'string' || !/^[0-9a-f]{64}$/.test(publicHex)) bad.push('public: expected 64 hex digits');
  else if (keyid !== tufKey(publicHex).keyid) bad.push('keyid: expected the id of the public key');
  if (sealed !== undefined) {
    const box = recordOf(sealed);
    if (box.kdf !== 'scrypt') bad.push('sealed.kdf: expected scrypt');
    if (box.cipher !== 'aes-256-gcm') bad.push('sealed.cipher: expected aes-256-gcm');
    for (const name of ['N', 'r', 'p'])
      if (!Number.isSafeInteger(box[name])) bad.push(`sealed.${name}: expected an integer`);
    for (const name of ['salt', 'iv', 'tag', 'data'])
      if (typeof box[name] !== 'string') bad.push(`sealed.${name}: expected base64`);
  } else if (typeof pkcs8 !== 'string') bad.push('pkcs8 or sealed: expected one of them');
  if (bad.length > 0) throw new TrustError('key-malformed', `key file: ${bad.join('; ')}`);
  return file as unknown as KeyFile;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TrustError('key-malformed', `key file: ${reasonOf(error)}`, { cause: error });
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
