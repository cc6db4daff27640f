/** A refusal that the caller sees, as problem details (RFC 9457). */
import type { FieldError, ProblemCode } from '@verge/contracts';

const statusOf: Record<ProblemCode, number> = {
  VALIDATION_FAILED: 422,
  MALFORMED_BODY: 400,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  STATE_CONFLICT: 409,
  DIGEST_MISMATCH: 422,
  RELEASE_REFUSED: 422,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

const RETRY_AFTER_SECONDS = 5;

export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  constructor(
    readonly code: ProblemCode,
    message: string,
    readonly errors: readonly FieldError[] = [],
    options?: ErrorOptions & { retryAfterSeconds?: number },
  ) {
    super(message, options);
    this.status = statusOf[code];
    // RFC 9110, section 10.2.3: what is away now is worth another try.
    this.retryAfterSeconds = options?.retryAfterSeconds ?? (code === 'UNAVAILABLE' ? RETRY_AFTER_SECONDS : undefined);
  }
  readonly retryAfterSeconds: number | undefined;

  static notFound(noun: string, name: string): ProblemError {
    return new ProblemError('NOT_FOUND', `there is no ${noun} ${JSON.stringify(name)} in this project`);
  }
  static invalid(errors: readonly FieldError[]): ProblemError {
    const fields = errors.map((e) => `${e.field}: ${e.detail}`).join('; ');
    return new ProblemError('VALIDATION_FAILED', `the request is not valid: ${fields}`.slice(0, 2000), errors);
  }
}
