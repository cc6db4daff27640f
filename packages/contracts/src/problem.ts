/** Problem details for HTTP APIs (RFC 9457), with the extension members that Verge uses. */
import { z } from 'zod';
import { Holders } from './holders.js';

export const problemCodes = [
  'VALIDATION_FAILED',
  'MALFORMED_BODY',
  'BODY_TOO_LARGE',
  'METHOD_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'RANGE_NOT_SATISFIABLE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'IN_USE',
  'PRECONDITION_FAILED',
  'REQUEST_IN_PROGRESS',
  'IDEMPOTENCY_KEY_REUSED',
  'STATE_CONFLICT',
  'DIGEST_MISMATCH',
  'RELEASE_REFUSED',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'INTERNAL',
] as const;
export const ProblemCode = z.enum(problemCodes).meta({ id: 'ProblemCode' });
export type ProblemCode = z.infer<typeof ProblemCode>;

/** The status that each is sent with (RFC 9110, section 15.5; RFC 6585). */
export const problemStatus = {
  VALIDATION_FAILED: 422,
  MALFORMED_BODY: 400,
  BODY_TOO_LARGE: 413,
  METHOD_NOT_ALLOWED: 405,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RANGE_NOT_SATISFIABLE: 416,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  IN_USE: 409,
  PRECONDITION_FAILED: 412,
  REQUEST_IN_PROGRESS: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
  STATE_CONFLICT: 409,
  DIGEST_MISMATCH: 422,
  RELEASE_REFUSED: 422,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
} as const satisfies Record<ProblemCode, number>;

export const FieldError = z
  .strictObject({
    field: z
      .string()
      .describe('JSON pointer (RFC 6901) into the body, or ?name for a query parameter, {name} for a path parameter'),
    detail: z.string().describe('what was expected'),
  })
  .meta({ id: 'FieldError' });
export type FieldError = z.infer<typeof FieldError>;

export const Problem = z
  .object({
    type: z.string().default('about:blank'),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    code: ProblemCode,
    errors: z.array(FieldError).optional(),
    holders: z.array(Holders).optional().describe('of IN_USE: what still refers to the thing, all of it counted'),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

const pointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => '/' + String(key).replaceAll('~', '~0').replaceAll('/', '~1')).join('');

const unknownKeys = (issues: readonly z.core.$ZodIssue[]): number =>
  issues.reduce((n, issue) => n + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0), 0);

/** The branch of a union that the value was most likely meant to be: fewest unknown keys, then fewest issues. */
function likeliestBranch(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] {
  return [...branches].sort((a, b) => unknownKeys(a) - unknownKeys(b) || a.length - b.length)[0] ?? [];
}

const noSuchField = 'no such field';

const unknownIn = (branch: readonly z.core.$ZodIssue[]): string[] =>
  branch.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : []));

/**
 * Fields that are unknown in the likeliest branch and known in another: two forms were mixed. By field, those that the other
 * form does not know.
 */
function mixedFields(
  branches: readonly z.core.$ZodIssue[][],
  likeliest: readonly z.core.$ZodIssue[],
): ReadonlyMap<string, string[]> {
  const unknown = unknownIn(likeliest);
  const mixed = new Map<string, string[]>();
  for (const branch of branches) {
    const there = unknownIn(branch);
    const rivals = there.filter((key) => !unknown.includes(key));
    if (rivals.length > 0) for (const key of unknown) if (!there.includes(key)) mixed.set(key, rivals);
  }
  return mixed;
}

/** What was expected, without the parser's own heading. */
function expectation(message: string): string {
  const bare = message.replace(/^(Invalid (input|option|discriminator value|string)[:.]|Too (small|big):) /, '');
  if (bare === message) return message;
  const missing = bare.endsWith(', received undefined') ? 'missing, ' : '';
  return missing + bare.replace(', received undefined', '').replace(/^Expected /, 'expected ');
}

function unionErrors(issue: z.core.$ZodIssueInvalidUnion, at: readonly PropertyKey[], prefix: string): FieldError[] {
  const likeliest = likeliestBranch(issue.errors);
  const mixed = mixedFields(issue.errors, likeliest);
  return likeliest.flatMap((inner) =>
    issueErrors(inner, at, prefix).map((error) => {
      const rivals = error.detail === noSuchField ? mixed.get(error.field.slice(error.field.lastIndexOf('/') + 1)) : [];
      return rivals?.length ? { ...error, detail: `not together with ${rivals.join(', ')}` } : error;
    }),
  );
}

function issueErrors(issue: z.core.$ZodIssue, path: readonly PropertyKey[], prefix: string): FieldError[] {
  const at = [...path, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: prefix + pointer([...at, key]), detail: noSuchField }));
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return unionErrors(issue, at, prefix);
  return [{ field: prefix + pointer(at) || '/', detail: expectation(issue.message) }];
}

/** Every issue of a failed parse as a field error; unknown keys are named one by one, unions by their likeliest branch. */
export function fieldErrors(error: z.ZodError, prefix = ''): FieldError[] {
  return error.issues.flatMap((issue) => issueErrors(issue, [], prefix));
}
