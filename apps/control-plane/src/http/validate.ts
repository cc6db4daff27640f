import { fieldErrors, pathParameter, type FieldError, type Route } from '@verge/contracts';
import { z } from 'zod';
import { ProblemError } from './problem-error.js';
import { textErrors } from './text-check.js';

/** Parses everything that a request brings, and names every bad field of all of it at once. */
export function validateInput(
  route: Route,
  input: { params: Record<string, string>; query: Record<string, unknown>; body: unknown },
): { query: unknown; body: unknown } {
  const inParams = (pointer: string): string => `{${pointer.slice(1)}}`;
  const inQuery = (pointer: string): string => `?${pointer.slice(1)}`;
  const errors: FieldError[] = [
    ...textErrors(input.params, undefined, inParams),
    ...textErrors(input.query, route.query, inQuery),
    ...textErrors(input.body, route.body),
  ];
  // A field that is not text as it may be is named once, by what is wrong with its characters.
  const named = new Set(errors.map((e) => e.field));
  const add = (found: readonly FieldError[]): void => void errors.push(...found.filter((e) => !named.has(e.field)));
  for (const [name, value] of Object.entries(input.params)) {
    const parsed = pathParameter(name).safeParse(value);
    if (!parsed.success) add([{ field: `{${name}}`, detail: parsed.error.issues[0]!.message }]);
  }
  const parsedQuery = (route.query ?? z.strictObject({})).safeParse(input.query);
  if (!parsedQuery.success) {
    add(fieldErrors(parsedQuery.error).map((e) => ({ ...e, field: '?' + e.field.replace(/^\//, '') })));
  }
  const parsedBody = route.body?.safeParse(input.body);
  if (parsedBody && !parsedBody.success) add(fieldErrors(parsedBody.error));
  if (errors.length > 0) throw ProblemError.invalid(errors);
  return { query: parsedQuery.data, body: parsedBody?.data };
}
