import { createPublicKey, webcrypto } from 'node:crypto';
import { reasonOf, TrustError } from '../errors.js';
import { PemConverter } from './x509.js';

/** ECDSA on P-256 with SHA-256: what every TLS stack and every cheap secure element can do. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export function generateKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** PKCS #8 in PEM, the form that node:tls and OpenSSL read. */
export async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

export async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  try {
    return await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, false, ['sign']);
  } catch (error) {
    throw new TrustError('key-malformed', `expected a P-256 private key as PKCS #8 PEM: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** A private key and the public one that belongs to it. @throws TrustError `key-malformed` */
export async function importKeyPair(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = await importPrivateKey(pem);
  const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return { privateKey, publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']) };
}
