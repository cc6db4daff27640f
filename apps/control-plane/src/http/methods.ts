/** Which methods a path of the API has: any other is refused with 405 and the Allow header (RFC 9110, section 15.5.6). */
import type { ServerResponse } from 'node:http';
import { API_PREFIX, routes, type Route } from '@verge/contracts';
import { ProblemError } from './problem-error.js';
import { sendProblem } from './problem.filter.js';
import type { HttpRequest } from './request.js';

interface Path {
  readonly pattern: RegExp;
  readonly methods: string[];
}

function pathsOf(all: Record<string, Route>): Path[] {
  const methods = new Map<string, string[]>();
  for (const route of Object.values(all)) methods.set(route.path, [...(methods.get(route.path) ?? []), route.method]);
  return [...methods].map(([path, of]) => ({
    pattern: new RegExp(`^${API_PREFIX}${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}/?$`),
    // Express answers HEAD through GET.
    methods: of.includes('GET') && !of.includes('HEAD') ? [...of, 'HEAD'] : of,
  }));
}

const documents: Path[] = [
  { pattern: /^\/(healthz|readyz|metrics)\/?$/, methods: ['GET', 'HEAD'] },
  { pattern: new RegExp(`^${API_PREFIX}/(openapi\\.json|docs(/[^/]+)?|schemas/[^/]+)/?$`), methods: ['GET', 'HEAD'] },
];
const paths = [...pathsOf(routes), ...documents];

/** The methods of every route that a path matches; none for a path that the API does not have. */
export function methodsOf(path: string): string[] {
  return [...new Set(paths.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))].sort();
}

/** In front of the router, which answers 404 for a path that it knows under another method. */
export function allowedMethods(request: HttpRequest, response: ServerResponse, next: () => void): void {
  const allowed = methodsOf(request.path);
  if (allowed.length === 0 || allowed.includes(request.method ?? '')) return next();
  const headers = { allow: [...allowed, 'OPTIONS'].join(', ') };
  if (request.method === 'OPTIONS') {
    response.writeHead(204, headers).end();
    return;
  }
  const detail = `${request.method} is not a method of this path; expected ${allowed.join(' or ')}`;
  if (!request.complete) response.setHeader('connection', 'close');
  const problem = new ProblemError('METHOD_NOT_ALLOWED', detail, [], { headers });
  sendProblem(response, problem, request.requestId, request.path);
}
