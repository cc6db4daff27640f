/** What goes wrong in the command line, and with which exit code it ends. */
import { ApiError } from '@verge/contracts';
import { z } from 'zod';

export const exitCodes = {
  /** The operation itself failed: a training that failed, a rollout that was reverted, a model that is refused. */
  failed: 1,
  /** The command line, a configuration or a recipe is wrong. */
  usage: 2,
  /** No credentials, or not enough. */
  denied: 3,
  /** What was named does not exist. */
  missing: 4,
  /** The control plane cannot be reached. */
  unreachable: 5,
} as const;
export type ExitReason = keyof typeof exitCodes;

export class CliError extends Error {
  constructor(
    readonly code: ExitReason,
    message: string,
    /** Further lines: bad fields, or what to do next. */
    readonly details: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CliError';
  }
}

const reasons: Partial<Record<ApiError['code'], ExitReason>> = {
  UNAUTHENTICATED: 'denied',
  FORBIDDEN: 'denied',
  NOT_FOUND: 'missing',
  UNREACHABLE: 'unreachable',
  VALIDATION_FAILED: 'usage',
  MALFORMED_BODY: 'usage',
};

/** Any error as one of ours: its message for people, its code for scripts. */
export function cliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ApiError) {
    const details = error.errors.map((e) => `${e.field}: ${e.detail}`);
    if (error.code === 'UNAUTHENTICATED') details.push('log in with: verge login --url URL --email EMAIL');
    return new CliError(reasons[error.code] ?? 'failed', error.message, details, { cause: error });
  }
  if (error instanceof z.ZodError) {
    return new CliError('usage', 'the input is not of the expected form', fieldLines(error), { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CliError('failed', message, [], { cause: error });
}

/** A line for each bad field. */
export function fieldLines(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.join('.') || '(whole)'}: ${issue.message}`);
}
