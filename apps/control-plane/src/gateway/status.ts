import type { ServiceError } from '@grpc/grpc-js';
import { Metadata, status } from '@grpc/grpc-js';
import { visibleText, type FieldError } from '@verge/contracts';
import { isTransient } from '../transient.js';

export type StatusName = keyof typeof status;

/** A refusal that a device gets to see, with a gRPC status code. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  constructor(
    readonly code: StatusName,
    message: string,
    options?: ErrorOptions,
  ) {
    // A refusal quotes what was sent, and ends in logs and on terminals.
    super(visibleText(message), options);
  }
}

/** INVALID_ARGUMENT that names every bad field; the message is bounded because it travels in a header. */
export function invalidArgument(errors: readonly FieldError[]): GatewayError {
  const shown = errors.slice(0, 20).map(({ field, detail }) => `${field}: ${detail}`);
  if (errors.length > shown.length) shown.push(`and ${errors.length - shown.length} more`);
  return new GatewayError('INVALID_ARGUMENT', shown.join('; '));
}

/** What grpc-js sends. An error that nobody foresaw says nothing about the inside. */
export function toServiceError(error: unknown): ServiceError {
  const { code, details } = describe(error);
  return Object.assign(new Error(details), { code: status[code], details, metadata: new Metadata() });
}

function describe(error: unknown): { code: StatusName; details: string } {
  if (error instanceof GatewayError) return { code: error.code, details: error.message };
  if (isTransient(error)) return { code: 'UNAVAILABLE', details: 'the control plane cannot reach its database' };
  return { code: 'INTERNAL', details: 'internal error' };
}
