/** The key of a request, and what is kept under it. Answers may hold secrets that are kept nowhere else: only the key opens them. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { ProblemError } from './problem-error.js';
import type { OperationContext } from './request.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A string of RFC 8941 (quoted), or the same without quotes. @throws ProblemError VALIDATION_FAILED */
export function parseKey(header: string): string {
  const key = /^(?:"([!#-[\]-~ ]{16,255})"|([!#-[\]-~]{16,255}))$/.exec(header.trim());
  if (!key) {
    const detail = 'expected 16 to 255 printable ASCII characters, such as a UUID';
    throw ProblemError.invalid([{ field: 'Idempotency-Key', detail }]);
  }
  return (key[1] ?? key[2])!;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const hashOfKey = (key: string): string => sha256(`verge idempotency key ${key}`);

/** What must be the same for a request to be the same: operation, parameters, query and body as they were understood. */
export function fingerprintOf({ name, params, query, body }: OperationContext): string {
  return sha256(JSON.stringify([name, params, query, body ?? null]));
}

const cipherKey = (key: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', 'verge idempotency answer', 32));

/** AES-256-GCM under a key derived from the request's (RFC 5869). */
export function encryptAnswer(key: string, answer: unknown): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', cipherKey(key), iv);
  const text = JSON.stringify({ answer });
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
}

export function decryptAnswer(key: string, kept: Buffer): unknown {
  const decipher = createDecipheriv('aes-256-gcm', cipherKey(key), kept.subarray(0, IV_BYTES));
  decipher.setAuthTag(kept.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = Buffer.concat([decipher.update(kept.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  return (JSON.parse(text) as { answer?: unknown }).answer;
}
