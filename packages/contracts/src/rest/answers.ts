/**
 * What an operation can be answered with: one table, which the description is written from and the server is held to. Most
 * refusals follow from what the operation is; the others its route names.
 */
import { problemStatus, type ProblemCode } from '../problem.js';
import { takesIdempotencyKey, type Route } from './route.js';

const isSafe = ({ method }: Route): boolean => method === 'GET' || method === 'HEAD';

/**
 * Whether somebody who is known can be refused: for a role or a credential that does not suffice, or because another site
 * made a browser send its session cookie with a change.
 */
const canForbid = (of: Route): boolean =>
  of.role !== 'public' && (of.role !== 'viewer' || of.credential !== undefined || !isSafe(of));

const rules: readonly [when: (of: Route) => boolean, codes: readonly ProblemCode[]][] = [
  // A query that is not UTF-8, a field that the contract does not have, another method, a database that is away.
  [() => true, ['MALFORMED_BODY', 'VALIDATION_FAILED', 'METHOD_NOT_ALLOWED', 'UNAVAILABLE']],
  [(of) => of.role !== 'public', ['UNAUTHENTICATED']],
  [canForbid, ['FORBIDDEN']],
  [(of) => of.path.includes('{'), ['NOT_FOUND']],
  [(of) => of.body !== undefined || of.rawBody === true, ['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']],
  [(of) => !isSafe(of), ['PRECONDITION_FAILED']],
  // What the body names was deleted in that moment.
  [(of) => of.body !== undefined && of.path.startsWith('/projects/{project}'), ['CONFLICT']],
  [takesIdempotencyKey, ['REQUEST_IN_PROGRESS', 'IDEMPOTENCY_KEY_REUSED']],
];

/**
 * Every refusal of an operation, each once. INTERNAL is in none of them: it is a fault of the server, and no answer that a
 * caller could count on.
 */
export function refusalsOf(of: Route): ProblemCode[] {
  const usual = rules.flatMap(([when, codes]) => (when(of) ? codes : []));
  return [...new Set([...usual, ...(of.refusals ?? [])])];
}

/**
 * Statuses of an operation that did not fail: done; 304 for state that the caller has, which has an entity tag; 206 for a
 * part of bytes.
 */
export function successesOf(of: Route): number[] {
  const done = of.status ?? 200;
  if (of.stream === 'bytes') return [done, 206];
  return of.method === 'GET' && of.response ? [done, 304] : [done];
}

/** Every status that an operation is answered with, rising. */
export function statusesOf(of: Route): number[] {
  return [...new Set([...successesOf(of), ...refusalsOf(of).map((code) => problemStatus[code])])].sort((a, b) => a - b);
}
