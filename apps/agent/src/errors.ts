import type { AgentErrorCode } from '@verge/contracts';

/** Every way in which the agent refuses: codes of updates (reported to the control plane), of the command line, of requests. */
export type AgentFault =
  | AgentErrorCode
  /* Settings and state on disk. */
  | 'SETTINGS_INVALID'
  | 'STATE_DAMAGED'
  | 'ALREADY_RUNNING'
  | 'LISTEN_FAILED'
  | 'SPOOL_FAILED'
  /* Files that a person named. */
  | 'FILE_MISSING'
  | 'GIVEN_INVALID'
  | 'GIVEN_UNFIT'
  /* Enrolment. */
  | 'BUNDLE_INVALID'
  | 'RELEASE_ROOT_MISSING'
  | 'ALREADY_ENROLLED'
  | 'NOT_ENROLLED'
  | 'ENROLLMENT_REFUSED'
  | 'CONTROL_PLANE_UNREACHABLE'
  /* Requests to the local inference API. */
  | 'REQUEST_INVALID'
  | 'REQUEST_TOO_LARGE'
  | 'REQUEST_UNSUPPORTED'
  | 'ENCODING_UNSUPPORTED'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'HOST_REFUSED'
  | 'ORIGIN_REFUSED'
  | 'NOT_READY'
  | 'OVERLOADED'
  | 'INFERENCE_FAILED'
  | 'MODEL_DOWN';

export class AgentError extends Error {
  override readonly name = 'AgentError';

  constructor(
    readonly code: AgentFault,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a Node.js system error (`ENOENT`), or null. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
