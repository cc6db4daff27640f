/** Which methods a path of the API has: any other is refused with 405 and the Allow header (RFC 9110, section 15.5.6). */
import type { ServerResponse } from 'node:http';
import { API_PREFIX, routes, type Route } from '@verge/contracts';
import { ProblemError } from './problem-error.js';
import { sendProblem } from './problem.filter.js';
import type { HttpRequest } from './request.js';

interface Path {
  readonly parameters: number;
  readonly pattern: RegExp;
  readonly methods: string[];
}

function pathsOf(all: Record<string, Route>): Path[] {
  const methods = new Map<string, string[]>();
  for (const route of Object.values(all)) methods.set(route.path, [...(methods.get(route.path) ?? []), route.method]);
  return [...methods].map(([path, of]) => ({
    parameters: path.split('{').length - 1,
    pattern: new RegExp(`^${API_PREFIX}${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}/?$`),
    // Express answers HEAD through GET.
    methods: of.includes('GET') && !of.includes('HEAD') ? [...of, 'HEAD'] : of,
  }));
}

const documents: Path[] = [
  { parameters: 0, pattern: /^\/(healthz|readyz|metrics)\/?$/, methods: ['GET', 'HEAD'] },
  {
    parameters: 0,
    pattern: new RegExp(`^${API_PREFIX}/(openapi\\.json|docs(/[^/]+)?|schemas/[^/]+)/?$`),
    methods: ['GET', 'HEAD'],
  },
];
const paths = [...pathsOf(routes), ...documents];

/** The methods of the path; none where the API has no such path. A path by its own name goes before one with a parameter. */
export function methodsOf(path: string): string[] {
  const matching = paths.filter(({ pattern }) => pattern.test(path));
  const fewest = Math.min(...matching.map(({ parameters }) => parameters));
  const own = matching.filter(({ parameters }) => parameters === fewest);
  return [...new Set(own.flatMap(({ methods }) => methods))].sort();
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
