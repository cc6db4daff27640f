import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { reasonOf, TrustError } from '../errors.js';
import { canonicalize } from './canonical-json.js';

/** A public key as TUF metadata states it (specification 4.2); `public` is 32 bytes in hex. */
export interface TufKey {
  keyid: string;
  keytype: 'ed25519';
  scheme: 'ed25519';
  keyval: { public: string };
}

/** A key that can sign; the private half stays inside. */
export interface SigningKey {
  readonly public: TufKey;
  readonly keyid: string;
  /** Ed25519 signature (RFC 8032), 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
  /** PKCS #8 DER, for keeping the key; see `writeKeyFile` for keeping it encrypted. */
  exportPrivate(): Uint8Array;
}

/** Makes a fresh Ed25519 key. */
export function createKey(): SigningKey {
  return signingKey(generateKeyPairSync('ed25519').privateKey);
}

/** @throws TrustError `key-malformed` */
export function importKey(pkcs8: Uint8Array): SigningKey {
  try {
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`expected ed25519, got ${key.asymmetricKeyType}`);
    return signingKey(key);
  } catch (error) {
    throw new TrustError('key-malformed', `expected an Ed25519 private key as PKCS #8: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function signingKey(privateKey: KeyObject): SigningKey {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  // RFC 8410: the last 32 bytes of an Ed25519 SubjectPublicKeyInfo are the key.
  const publicKey = tufKey(spki.subarray(-32).toString('hex'));
  return {
    public: publicKey,
    keyid: publicKey.keyid,
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
    exportPrivate: () => new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })),
  };
}

/** TUF specification 4.2: the key id is the SHA-256 of the canonical JSON of the key. */
export function tufKey(publicHex: string): TufKey {
  if (!/^[0-9a-f]{64}$/.test(publicHex)) throw new TrustError('key-malformed', 'expected 32 bytes in lower-case hex');
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } } as const;
  return { keyid: createHash('sha256').update(canonicalize(key)).digest('hex'), ...key };
}
