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

const unknownKeys = (issues: readonly z.core.$ZodIssue[]): number =>
  issues.reduce((n, issue) => n + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0), 0);

/** The branch of a union that the value was most likely meant to be: fewest unknown keys, then fewest issues. */
function likeliestBranch(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] {
  return [...branches].sort((a, b) => unknownKeys(a) - unknownKeys(b) || a.length - b.length)[0] ?? [];
}

function issueErrors(issue: z.core.$ZodIssue, path: readonly PropertyKey[], prefix: string): FieldError[] {
  const at = [...path, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: prefix + pointer([...at, key]), detail: 'no such field' }));
  if (issue.code === 'invalid_union' && issue.errors.length > 0)
    return likeliestBranch(issue.errors).flatMap((inner) => issueErrors(inner, at, prefix));
  return [{ field: prefix + pointer(at) || '/', detail: issue.message }];
}

/** Every issue of a failed parse as a field error; unknown keys are named one by one, unions by their likeliest branch. */
export function fieldErrors(error: z.ZodError, prefix = ''): FieldError[] {
  return error.issues.flatMap((issue) => issueErrors(issue, [], prefix));
}
