/** Problem details for HTTP APIs (RFC 9457), with the extension members that Verge uses. */
import { z } from 'zod';

export const problemCodes = [
  'VALIDATION_FAILED',
  'MALFORMED_BODY',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'STATE_CONFLICT',
  'DIGEST_MISMATCH',
  'RELEASE_REFUSED',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'INTERNAL',
] as const;
export const ProblemCode = z.enum(problemCodes);
export type ProblemCode = z.infer<typeof ProblemCode>;

export const FieldError = z.strictObject({
  /** JSON pointer (RFC 6901) into the body, or `?name` for a query parameter, `{name}` for a path parameter. */
  field: z.string(),
  /** What was expected. */
  detail: z.string(),
});
export type FieldError = z.infer<typeof FieldError>;

export const Problem = z.object({
  type: z.string().default('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  code: ProblemCode,
  errors: z.array(FieldError).optional(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

const pointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => '/' + String(key).replaceAll('~', '~0').replaceAll('/', '~1')).join('');

/** Every issue of a failed parse as a field error; unknown keys are named one by one. */
export function fieldErrors(error: z.ZodError, prefix = ''): FieldError[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: prefix + pointer([...issue.path, key]), detail: 'no such field' }));
    }
    return [{ field: prefix + pointer(issue.path) || '/', detail: issue.message }];
  });
}
