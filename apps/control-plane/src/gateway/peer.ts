import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { DeviceIdentity } from '@verge/trust/identity';
import { readDeviceIdentity } from '@verge/trust/identity';
import { GatewayError } from './status.js';

/** Every kind of server call has it. */
export type PeerOf = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>;

/** Parsing a certificate takes longer than the rest of a call; the certificate of a connection does not change. */
const parsed = new Map<string, DeviceIdentity>();
const mostParsed = 20_000;

/**
 * Who is calling, by the client certificate of the connection. TLS has verified its signature and its validity at the
 * handshake; a connection can outlive the certificate, so the validity is checked again.
 * @throws GatewayError UNAUTHENTICATED
 */
export function peerIdentity(call: PeerOf, now = new Date()): DeviceIdentity {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) throw new GatewayError('UNAUTHENTICATED', 'a client certificate is required');
  const identity = parsed.get(certificate.fingerprint256) ?? remember(certificate.fingerprint256, certificate.raw);
  if (now > identity.notAfter) {
    throw new GatewayError('UNAUTHENTICATED', `the certificate expired at ${identity.notAfter.toISOString()}`);
  }
  return identity;
}

function remember(fingerprint: string, raw: Buffer): DeviceIdentity {
  try {
    const identity = readDeviceIdentity(raw);
    const [oldest] = parsed.keys();
    if (parsed.size >= mostParsed && oldest !== undefined) parsed.delete(oldest);
    parsed.set(fingerprint, identity);
    return identity;
  } catch (error) {
    throw new GatewayError('UNAUTHENTICATED', 'the certificate names no device', { cause: error });
  }
}
