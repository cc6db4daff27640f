/**
 * A fresh certificate after the old one has expired: TLS with it is refused, so the device asks at the enrolment port and
 * proves that it still holds the same key.
 */
import { credentials, status, type ServiceError } from '@grpc/grpc-js';
import { EnrollmentClient } from '@verge/contracts/grpc';
import { createDeviceRequest } from '@verge/trust/identity';
import { AgentError } from '../errors.js';
import type { Identity } from '../identity.js';
import { derOf } from './pem.js';

export interface RenewedExpired {
  certificateChainPem: string;
  enrollmentEndpoint: string;
}

/** @throws AgentError `ENROLLMENT_REFUSED` (a person must help), `CONTROL_PLANE_UNREACHABLE` (try again) */
export async function renewExpired(identity: Identity, timeoutMs = 20_000): Promise<RenewedExpired> {
  const { enrollmentEndpoint: endpoint, authorityPem, privateKeyPem } = identity;
  if (endpoint === undefined) throw refused('this identity does not name the enrolment port');
  const { csrPem } = await createDeviceRequest({ commonName: identity.deviceId, privateKeyPem });
  const client = new EnrollmentClient(endpoint, credentials.createSsl(Buffer.from(authorityPem)));
  const request = { certificateDer: derOf(identity.certificateChainPem), csrDer: derOf(csrPem) };
  try {
    return await new Promise<RenewedExpired>((resolve, reject) => {
      client.renewExpired(request, { deadline: Date.now() + timeoutMs }, (error, reply) =>
        error ? reject(refusal(endpoint, error)) : resolve(reply!),
      );
    });
  } finally {
    client.close();
  }
}

const forGood: readonly status[] = [
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
];

function refusal(endpoint: string, error: ServiceError): AgentError {
  if (forGood.includes(error.code)) return refused(`${endpoint} refused: ${error.details}`, error);
  return new AgentError('CONTROL_PLANE_UNREACHABLE', `${endpoint} did not answer (${error.details})`, { cause: error });
}

function refused(why: string, cause?: unknown): AgentError {
  const help = "an operator can let it back in with 'verge devices re-enroll-token', and it keeps what it has";
  return new AgentError('ENROLLMENT_REFUSED', `${why}; ${help}`, { cause });
}
