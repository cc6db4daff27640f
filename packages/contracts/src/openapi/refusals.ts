/** What each refusal means, and how it is answered. */
import { problemStatus, type ProblemCode } from '../problem.js';
import { refusalsOf } from '../rest/answers.js';
import type { Route } from '../rest/route.js';
import { answerHeader, type AnswerHeader } from './headers.js';
import { pascal, type Json } from './json.js';

const meaning: Record<ProblemCode, string> = {
  VALIDATION_FAILED: 'a field is not what it may be; `errors` names every one',
  MALFORMED_BODY: 'the request cannot be read: its URL is not UTF-8, or its body is not JSON, or broke off',
  BODY_TOO_LARGE: 'the body is larger than this operation takes',
  METHOD_NOT_ALLOWED: 'the path has no such method; this operation itself is never answered so',
  UNSUPPORTED_MEDIA_TYPE: 'the body is of another media type, character set or content encoding',
  RANGE_NOT_SATISFIABLE: 'the range is beyond the bytes that there are',
  UNAUTHENTICATED: 'no credential, or one that is unknown, revoked or expired',
  FORBIDDEN: 'the role or the credential does not suffice, or another site sent the cookie',
  NOT_FOUND: 'there is no such thing, or none that the caller may know of',
  CONFLICT: 'what is there already stands against it: a name that is taken, a thing that is in use',
  IN_USE: 'other things refer to it; `holders` names them',
  PRECONDITION_FAILED: 'If-Match does not hold: it was changed meanwhile',
  REQUEST_IN_PROGRESS: 'the first request under this Idempotency-Key is under way, or broke off',
  IDEMPOTENCY_KEY_REUSED: 'this Idempotency-Key was used for another request',
  STATE_CONFLICT: 'its state does not allow it',
  DIGEST_MISMATCH: 'the bytes are not those of the digest',
  RELEASE_REFUSED: 'the signed metadata does not hold; `errors` says why',
  RATE_LIMITED: 'too many wrong passwords',
  UNAVAILABLE: 'the control plane cannot reach its database or queue, or has too much to do',
  INTERNAL: 'the control plane failed',
};

const headersOf: Partial<Record<ProblemCode, readonly AnswerHeader[]>> = {
  UNAUTHENTICATED: ['WWW-Authenticate'],
  METHOD_NOT_ALLOWED: ['Allow'],
  REQUEST_IN_PROGRESS: ['Retry-After'],
  PRECONDITION_FAILED: ['ETag'],
  RANGE_NOT_SATISFIABLE: ['Content-Range'],
  RATE_LIMITED: ['Retry-After'],
  UNAVAILABLE: ['Retry-After'],
};

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const exampleOf = (code: ProblemCode): Json => {
  const status = problemStatus[code];
  return { summary: meaning[code], value: { type: 'about:blank', title: titles[status], status, code } };
};

/** One example for each code: `components.examples`. */
export const problemExamples: Record<string, Json> = Object.fromEntries(
  (Object.keys(meaning) as ProblemCode[]).filter((code) => code !== 'INTERNAL').map((code) => [code, exampleOf(code)]),
);

/** Answers that many operations give, each described once: `components.responses`. */
export class Refusals {
  readonly responses: Record<string, Json> = {};

  constructor(private readonly problem: Json) {}

  /** The refusals of an operation by status. */
  of(route: Route): Record<string, Json> {
    const found = [...byStatus(refusalsOf(route))].map(([status, codes]) => {
      const name =
        codes.map((code) => pascal(code.toLowerCase())).join('Or') + (route.method === 'HEAD' ? 'ToHead' : '');
      this.responses[name] ??= responseOf(route.method === 'HEAD' ? undefined : this.problem, codes);
      return [String(status), { $ref: `#/components/responses/${name}` }];
    });
    return Object.fromEntries(found) as Record<string, Json>;
  }
}

function byStatus(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const found = new Map<number, ProblemCode[]>();
  for (const code of codes) found.set(problemStatus[code], [...(found.get(problemStatus[code]) ?? []), code]);
  return found;
}

/** @param problem absent for HEAD, whose answers have no body */
function responseOf(problem: Json | undefined, codes: readonly ProblemCode[]): Json {
  const headers = ['X-Request-Id' as const, ...codes.flatMap((code) => headersOf[code] ?? [])];
  const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
  return {
    description: codes.map((code) => `\`${code}\`: ${meaning[code]}.`).join(' '),
    headers: Object.fromEntries(headers.map((name) => [name, answerHeader(name)])),
    ...(problem ? { content: { 'application/problem+json': { schema: problem, examples } } } : {}),
  };
}
