/** What stopped a step, in the words of the control plane; and whether it will pass by itself. */
import { status } from '@grpc/grpc-js';
import { agentErrorCodes, type AgentErrorCode } from '@verge/contracts';
import { RuntimeError, type RuntimeErrorCode } from '@verge/runtime';
import { TrustError, type TrustErrorCode } from '@verge/trust/verify';
import { AgentError, reasonOf, systemCode } from '../errors.js';
import { isGrpcError } from '../device/connection.js';

export type Stop =
  /** The control plane cannot be reached or does not let us in: not the update's fault, tried for ever. */
  | { kind: 'unreachable'; message: string }
  /** May pass: tried a few times. */
  | { kind: 'try-again'; code: AgentErrorCode; message: string }
  | { kind: 'refuse'; code: AgentErrorCode; message: string };

/** Every trust code that a device can meet while verifying; what is missing is `METADATA_REFUSED`. */
const trustCodes: Partial<Record<TrustErrorCode, AgentErrorCode>> = {
  'target-not-released': 'TARGET_NOT_SIGNED',
  'target-not-directed': 'TARGET_NOT_SIGNED',
  'target-withdrawn': 'TARGET_WITHDRAWN',
  'trusted-state-unwritable': 'INTERNAL',
};

const runtimeCodes: Partial<Record<RuntimeErrorCode, AgentErrorCode>> = {
  'model-refused': 'MODEL_REFUSED',
  'unsupported-type': 'MODEL_REFUSED',
};

const unreachable: readonly status[] = [
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
];

/** @param fallback the code of the step, for failures that have none of their own */
export function stopOf(error: unknown, fallback: AgentErrorCode): Stop {
  const message = reasonOf(error).slice(0, 2000);
  if (isGrpcError(error)) {
    if (unreachable.includes(error.code)) return { kind: 'unreachable', message };
    return { kind: 'try-again', code: 'DOWNLOAD_FAILED', message };
  }
  if (error instanceof TrustError) {
    if (error.code === 'metadata-fetch-failed') return stopOfFetch(error, message);
    return { kind: 'refuse', code: trustCodes[error.code] ?? 'METADATA_REFUSED', message };
  }
  if (error instanceof RuntimeError) return { kind: 'refuse', code: runtimeCodes[error.code] ?? fallback, message };
  if (error instanceof AgentError) {
    if (error.code === 'NOT_ENROLLED') return { kind: 'unreachable', message };
    const code = agentErrorCodes.find((known) => known === error.code) ?? fallback;
    return code === 'DOWNLOAD_FAILED' ? { kind: 'try-again', code, message } : { kind: 'refuse', code, message };
  }
  if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT')
    return { kind: 'refuse', code: 'DISK_FULL', message };
  return { kind: 'refuse', code: fallback, message };
}

function stopOfFetch(error: TrustError, message: string): Stop {
  if (isGrpcError(error.cause) && !unreachable.includes(error.cause.code)) {
    return { kind: 'try-again', code: 'METADATA_REFUSED', message };
  }
  return { kind: 'unreachable', message };
}
