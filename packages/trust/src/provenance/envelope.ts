import { z } from 'zod';
import { TrustError } from '../errors.js';
import type { EnvelopeSigner } from './keys.js';
import { trustedKey } from './keys.js';

/** A DSSE envelope (envelope.md, version 1.0): what is stored and sent. */
export interface Envelope {
  /** Base64. */
  payload: string;
  payloadType: string;
  signatures: { keyid?: string; sig: string }[];
}

/** The bytes that a DSSE signature covers (protocol.md, version 1.0): `DSSEv1 LEN(type) type LEN(body) body`. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = new TextEncoder().encode(payloadType);
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} `);
  const middle = new TextEncoder().encode(` ${payload.length} `);
  return new Uint8Array(Buffer.concat([head, type, middle, payload]));
}

/** @throws TrustError `input-invalid` without a signer */
export function signEnvelope(options: {
  payloadType: string;
  payload: Uint8Array;
  signers: readonly EnvelopeSigner[];
}): Envelope {
  const { payloadType, payload, signers } = options;
  if (signers.length === 0 || payloadType === '') {
    throw new TrustError('input-invalid', 'envelope: expected a payload type and at least one signer');
  }
  const bytes = preAuthenticationEncoding(payloadType, payload);
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: signers.map((signer) => ({
      keyid: signer.keyid,
      sig: Buffer.from(signer.sign(bytes)).toString('base64'),
    })),
  };
}

const EnvelopeSchema = z.object({
  payload: z.string(),
  payloadType: z.string().min(1),
  signatures: z.array(z.object({ keyid: z.string().optional(), sig: z.string() })).min(1),
});

/**
 * Checks an envelope against public keys and returns its payload: the very bytes that were signed.
 * @returns the payload, and the ids of the keys that signed it
 * @throws TrustError `envelope-malformed`, `envelope-unsigned` (fewer than `threshold` distinct keys), `key-malformed`
 */
export function verifyEnvelope(
  envelope: unknown,
  options: { publicKeys: readonly string[]; threshold?: number; payloadType?: string },
): { payload: Uint8Array; payloadType: string; keyids: string[] } {
  const { payloadType, payload, signatures } = parseEnvelope(envelope);
  const threshold = options.threshold ?? 1;
  if (!Number.isSafeInteger(threshold) || threshold < 1) {
    throw new TrustError('input-invalid', `envelope: expected a threshold from 1, got ${threshold}`);
  }
  const bytes = preAuthenticationEncoding(payloadType, payload);
  // protocol.md: a key id is an unauthenticated hint, so every signature is tried against every key, and keys count once.
  const keys = new Map(options.publicKeys.map((pem) => trustedKey(pem)).map((key) => [key.keyid, key]));
  const keyids = [...keys.values()]
    .filter((key) => signatures.some((sig) => key.verify(bytes, sig)))
    .map((key) => key.keyid);
  if (keyids.length < threshold) {
    throw new TrustError(
      'envelope-unsigned',
      `${keyids.length} of the ${threshold} trusted keys needed signed the envelope`,
    );
  }
  if (options.payloadType !== undefined && payloadType !== options.payloadType) {
    throw new TrustError('envelope-malformed', `payloadType: expected ${options.payloadType}, got ${payloadType}`);
  }
  return { payload, payloadType, keyids };
}

function parseEnvelope(envelope: unknown): { payloadType: string; payload: Uint8Array; signatures: Uint8Array[] } {
  const result = EnvelopeSchema.safeParse(envelope);
  if (!result.success) {
    const bad = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new TrustError('envelope-malformed', `envelope: ${bad.join('; ')}`, { cause: result.error });
  }
  const { payload, payloadType, signatures } = result.data;
  return {
    payloadType,
    payload: decodeBase64(payload, 'payload'),
    signatures: signatures.map(({ sig }, index) => decodeBase64(sig, `signatures.${index}.sig`)),
  };
}

/** protocol.md: verifiers accept standard and URL-safe base64, and refuse what is neither. */
function decodeBase64(text: string, field: string): Uint8Array {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  const bytes = Buffer.from(standard, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== standard) {
    throw new TrustError('envelope-malformed', `${field}: expected base64`);
  }
  return new Uint8Array(bytes);
}
