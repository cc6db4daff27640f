import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { reasonOf, TrustError } from '../errors.js';
import type { SigningKey } from './keys.js';
import { importKey, tufKey } from './keys.js';

/** scrypt (RFC 7914) as OWASP advises for passwords: 128 MiB and a few tenths of a second for each guess. */
const work = { N: 2 ** 17, r: 8, p: 1 } as const;

/** A stored file may not make us spend more than this, whoever wrote it: 1 GiB. */
const memoryLimit = 2 ** 30;

const Sealed = z.strictObject({
  kdf: z.literal('scrypt'),
  N: z.int().positive(),
  r: z.int().positive(),
  p: z.int().positive(),
  salt: z.base64(),
  cipher: z.literal('aes-256-gcm'),
  iv: z.base64(),
  tag: z.base64(),
  data: z.base64(),
});
type Sealed = z.infer<typeof Sealed>;

const KeyFile = z
  .strictObject({
    format: z.literal('verge-signing-key'),
    version: z.literal(1),
    keyid: z.string(),
    public: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits'),
    /** Either the key itself … */
    pkcs8: z.base64().optional(),
    /** … or the key encrypted. */
    sealed: Sealed.optional(),
  })
  .refine((file) => (file.pkcs8 === undefined) !== (file.sealed === undefined), 'expected either pkcs8 or sealed')
  .refine((file) => file.keyid === tufKey(file.public).keyid, 'expected keyid to be the id of public');
type KeyFile = z.infer<typeof KeyFile>;

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
  const { sealed, keyid, pkcs8 = '' } = file;
  const secret = sealed ? await unseal(sealed, keyid, options.passphrase) : Buffer.from(pkcs8, 'base64');
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

function parseKeyFile(text: string): KeyFile {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new TrustError('key-malformed', `key file: ${reasonOf(error)}`, { cause: error });
  }
  const result = KeyFile.safeParse(content);
  if (result.success) return result.data;
  const bad = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new TrustError('key-malformed', `key file: ${bad.join('; ')}`, { cause: result.error });
}
