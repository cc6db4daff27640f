/**
 * What the contract lists of an operation is what it sends: each refusal that follows from what an operation is, is provoked
 * at every operation that lists it. Those that a route names itself are provoked in the tests of its service.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  parameterNames,
  refusalsOf,
  routes,
  routeUrl,
  stateRouteOf,
  type ProblemCode,
  type Route,
} from '@verge/contracts';
import { SESSION_COOKIE } from '@verge/contracts/openapi';
import { Plane } from '../../test/plane.js';

let plane: Plane;
let session: string;
beforeAll(async () => {
  plane = await Plane.start();
  await plane.member('plant');
  const { email, password } = { email: 'refused@example.org', password: 'long enough 1' };
  const memberships = [{ project: 'plant', role: 'admin' as const }];
  await plane.admin.call('users.create', {
    body: { email, name: email, password, administrator: true, memberships },
  });
  session = (await plane.admin.call('auth.login', { body: { email, password } })).token;
});
afterAll(() => plane.close());

interface Sent {
  readonly method?: string;
  readonly query?: string;
  readonly project?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly anonymous?: boolean;
}

const form: Record<string, string> = {
  digest: `sha256:${'0'.repeat(64)}`,
  version: 'digits@1',
  user: 'nobody@example.org',
};
const names = new Set(['dataset', 'model', 'recipe', 'group', 'release']);
const anId = '0193d0f0-0000-7000-8000-000000000001';

async function ask(route: Route, sent: Sent): Promise<string> {
  const params = Object.fromEntries(
    parameterNames(route).map((name) => [
      name,
      name === 'project' ? (sent.project ?? 'plant') : (form[name] ?? (names.has(name) ? 'nothing' : anId)),
    ]),
  );
  const headers: Record<string, string> = sent.anonymous ? {} : { authorization: `Bearer ${session}` };
  if (route.body) headers['content-type'] = 'application/json';
  const init: RequestInit = { method: sent.method ?? route.method, headers: { ...headers, ...sent.headers } };
  if (sent.body !== undefined) init.body = sent.body;
  else if (route.body) init.body = '{}';
  const response = await fetch(plane.url + routeUrl(route, params) + (sent.query ?? ''), init);
  const text = await response.text();
  // HEAD is answered with the status alone.
  return text === '' ? String(response.status) : (JSON.parse(text) as { code: string }).code;
}

/** How each is provoked, and where that can be done without a thing that is there. */
const provoked: readonly [code: ProblemCode, status: number, sent: Sent, where?: (route: Route) => boolean][] = [
  ['MALFORMED_BODY', 400, { query: '?q=%ff' }],
  ['VALIDATION_FAILED', 422, { query: '?no-such-field=1' }],
  ['METHOD_NOT_ALLOWED', 405, { method: 'LINK' }],
  ['UNAUTHENTICATED', 401, { anonymous: true }, (route) => route.role !== 'public'],
  ['NOT_FOUND', 404, { project: 'nowhere' }, (route) => route.path.startsWith('/projects/{project}')],
  ['UNSUPPORTED_MEDIA_TYPE', 415, { headers: { 'content-type': 'text/plain' }, body: 'text' }],
  ['BODY_TOO_LARGE', 413, { body: 'x'.repeat(1_100_000) }, (route) => route.body !== undefined && !takesLarge(route)],
];
/** Whose limit is not that of the others: 8 MiB and more. */
const takesLarge = (route: Route): boolean =>
  [routes['datasets.create'], routes['releases.create']].includes(route as never);

const all = Object.entries<Route>(routes).map(([name, route]) => ({ name, route }));

describe('every operation', () => {
  it.each(all)('$name sends the refusals that it lists', async ({ route }) => {
    for (const [code, status, sent, where] of provoked) {
      if (!refusalsOf(route).includes(code) || (where && !where(route))) continue;
      expect([code, String(status)], code).toContain(await ask(route, sent));
    }
  });

  const changing = all.filter(({ route }) => !['GET', 'HEAD'].includes(route.method) && route.role !== 'public');
  it.each(changing)('$name takes no cookie that another site sent', async ({ route }) => {
    const headers = { cookie: `${SESSION_COOKIE}=${session}`, origin: 'https://elsewhere.example' };
    expect(refusalsOf(route)).toContain('FORBIDDEN');
    expect(await ask(route, { anonymous: true, headers })).toBe('FORBIDDEN');
  });

  const open = all.filter(({ route }) => !refusalsOf(route).includes('FORBIDDEN') && route.role !== 'public');
  it.each(open)('$name forbids nobody who is known', ({ route }) => {
    expect([route.role, route.credential, ['GET', 'HEAD'].includes(route.method)]).toEqual(['viewer', undefined, true]);
  });

  const stateless = changing.filter(
    ({ route }) => !stateRouteOf(route) && !route.body && !route.rawBody && !route.path.includes('{'),
  );
  it.each(stateless)('$name has no state that a tag could be of', async ({ route }) => {
    expect(await ask(route, { headers: { 'if-match': '"made-up"' } })).toBe('PRECONDITION_FAILED');
  });
});
