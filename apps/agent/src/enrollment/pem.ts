import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

/** The bytes of the first block of a PEM file (RFC 7468). */
export function derOf(pem: string): Buffer {
  const body = /-----BEGIN [^-]+-----([^-]+)-----END/.exec(pem)?.[1] ?? '';
  return Buffer.from(body.replace(/\s+/g, ''), 'base64');
}

/** Whether the first certificate of a chain is for the private key. */
export function publicKeysMatch(certificateChainPem: string, privateKeyPem: string): boolean {
  const own = createPublicKey(createPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'der' });
  return new X509Certificate(certificateChainPem).publicKey.export({ type: 'spki', format: 'der' }).equals(own);
}
