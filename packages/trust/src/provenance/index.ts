export { TrustError } from '../errors.js';
export type { TrustErrorCode } from '../errors.js';
export { createEnvelopeSigner, importEnvelopeSigner } from './keys.js';
export type { EnvelopeSigner, ProvenanceAlgorithm } from './keys.js';
export { preAuthenticationEncoding, signEnvelope, verifyEnvelope } from './envelope.js';
export type { Envelope } from './envelope.js';
export { createProvenance, inTotoPayloadType, signProvenance, verifyProvenance } from './statement.js';
export type { BuildKind, JsonValue, NamedDigest, ProvenanceOptions, Statement } from './statement.js';
