import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { reasonOf, TrustError } from '../errors.js';

export type ProvenanceAlgorithm = 'ed25519' | 'ecdsa-p256';

/** A key that signs envelopes. `keyid` is the SHA-256 of the public key's SubjectPublicKeyInfo, in hex. */
export interface EnvelopeSigner {
  readonly keyid: string;
  readonly algorithm: ProvenanceAlgorithm;
  readonly publicKeyPem: string;
  /** Ed25519 (RFC 8032), or ECDSA with SHA-256 in DER. */
  sign(bytes: Uint8Array): Uint8Array;
  /** PKCS #8. */
  exportPrivatePem(): string;
}

export function createEnvelopeSigner(algorithm: ProvenanceAlgorithm = 'ed25519'): EnvelopeSigner {
  const { privateKey } =
    algorithm === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return signerOf(privateKey);
}

/** @throws TrustError `key-malformed` */
export function importEnvelopeSigner(privateKeyPem: string): EnvelopeSigner {
  return signerOf(parseKey(() => createPrivateKey(privateKeyPem)));
}

function signerOf(key: KeyObject): EnvelopeSigner {
  const algorithm = algorithmOf(key);
  const publicKey = createPublicKey(key);
  return {
    keyid: keyidOf(publicKey),
    algorithm,
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sign: (bytes) => new Uint8Array(sign(algorithm === 'ed25519' ? null : 'sha256', bytes, key)),
    exportPrivatePem: () => key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** A public key that a verifier believes. */
export interface TrustedKey {
  keyid: string;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** @throws TrustError `key-malformed` */
export function trustedKey(publicKeyPem: string): TrustedKey {
  const key = parseKey(() => createPublicKey(publicKeyPem));
  const algorithm = algorithmOf(key);
  return {
    keyid: keyidOf(key),
    verify: (bytes, signature) => {
      try {
        if (algorithm === 'ed25519') return verify(null, bytes, key, signature);
        // DSSE leaves the form of an ECDSA signature open: DER is usual, its own example has r and s side by side.
        return (
          verify('sha256', bytes, key, signature) ||
          (signature.length === 64 && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature))
        );
      } catch {
        return false;
      }
    },
  };
}

function parseKey(parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch (error) {
    throw new TrustError('key-malformed', `expected a key in PEM: ${reasonOf(error)}`, { cause: error });
  }
}

function algorithmOf(key: KeyObject): ProvenanceAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ecdsa-p256';
  throw new TrustError('key-malformed', `expected Ed25519 or P-256, got ${key.asymmetricKeyType}`);
}

function keyidOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}
