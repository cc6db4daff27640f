/** A refusal that the caller sees, as problem details (RFC 9457). */
import { problemStatus, visibleText, type FieldError, type Holders, type ProblemCode } from '@verge/contracts';

const RETRY_AFTER_SECONDS = 5;

export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  constructor(
    readonly code: ProblemCode,
    message: string,
    errors: readonly FieldError[] = [],
    options?: ErrorOptions & {
      retryAfterSeconds?: number;
      headers?: Readonly<Record<string, string>>;
      holders?: readonly Holders[];
    },
  ) {
    // A refusal quotes what was sent, and is shown on terminals.
    super(visibleText(message), options);
    this.errors = errors.map(({ field, detail }) => ({ field: visibleText(field), detail: visibleText(detail) }));
    this.status = problemStatus[code];
    // RFC 9110, section 10.2.3: what is away now is worth another try.
    this.retryAfterSeconds = options?.retryAfterSeconds ?? (code === 'UNAVAILABLE' ? RETRY_AFTER_SECONDS : undefined);
    this.headers = options?.headers ?? {};
    this.holders = options?.holders ?? [];
  }
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | undefined;
  /** What the answer says besides its body: Allow, Accept-Encoding. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of IN_USE: what still refers to the thing. */
  readonly holders: readonly Holders[];

  static notFound(noun: string, name: string): ProblemError {
    return new ProblemError('NOT_FOUND', `there is no ${noun} ${JSON.stringify(name)} in this project`);
  }
  static invalid(errors: readonly FieldError[]): ProblemError {
    const fields = errors.map((e) => `${e.field}: ${e.detail}`).join('; ');
    return new ProblemError('VALIDATION_FAILED', `the request is not valid: ${fields}`.slice(0, 2000), errors);
  }
}
