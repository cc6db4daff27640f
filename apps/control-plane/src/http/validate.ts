import { Digest, fieldErrors, Id, type FieldError, type Route } from '@verge/contracts';
import { z } from 'zod';
import { ProblemError } from './problem-error.js';

/** Path parameters by name; what is not listed is a name or an identifier and is looked up as it stands. */
const parameters: Record<string, z.ZodType> = {
  digest: Digest,
  training: Id,
  compression: Id,
  evaluation: Id,
  artifact: Id,
  device: Id,
  rollout: Id,
  token: Id,
  session: Id,
  // An id or an e-mail address.
  user: z.string().min(1).max(254),
};
const Name = z.string().min(1).max(128);

/** Parses everything that a request brings, and names every bad field of all of it at once. */
export function validateInput(
  route: Route,
  input: { params: Record<string, string>; query: Record<string, unknown>; body: unknown },
): { query: unknown; body: unknown } {
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(input.params)) {
    const parsed = (parameters[name] ?? Name).safeParse(value);
    if (!parsed.success) errors.push({ field: `{${name}}`, detail: parsed.error.issues[0]!.message });
  }
  const parsedQuery = (route.query ?? z.strictObject({})).safeParse(input.query);
  if (!parsedQuery.success) {
    const bad = fieldErrors(parsedQuery.error).map((e) => ({ ...e, field: '?' + e.field.replace(/^\//, '') }));
    errors.push(...bad);
  }
  const parsedBody = route.body?.safeParse(input.body);
  if (parsedBody && !parsedBody.success) errors.push(...fieldErrors(parsedBody.error));
  if (errors.length > 0) throw ProblemError.invalid(errors);
  return { query: parsedQuery.data, body: parsedBody?.data };
}
