import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createClient,
  roles,
  routes,
  routeUrl,
  type Client,
  type Role,
  type Route,
  type RouteName,
} from '@verge/contracts';
import { administrator, Plane } from '../../test/plane.js';

/** Well-formed parameters, so that nothing but who calls decides. */
const parameters: Record<string, string> = {
  digest: `sha256:${'0'.repeat(64)}`,
  dataset: 'digits',
  model: 'digits',
  version: 'digits@1',
  recipe: 'int8',
  group: 'line-1',
  release: 'first',
};
const anId = '0193d0f0-0000-7000-8000-000000000001';

let plane: Plane;
let plantId: string;
let stranger: string;
let viewer: string;
let credentials: Record<Kind, string>;

/** What a caller can show. Each is good for so much, and no more, on every route. */
const kinds = {
  'session of an administrator': { inPlant: 'admin', outside: 'admin', session: true, managesUsers: true },
  'session of a viewer': { inPlant: 'viewer', outside: 'viewer', session: true, managesUsers: true },
  'admin token': { inPlant: 'admin', outside: 'admin', session: false, managesUsers: false },
  'token that manages users': { inPlant: 'admin', outside: 'admin', session: false, managesUsers: true },
  'operator token': { inPlant: 'operator', outside: 'operator', session: false, managesUsers: false },
  'viewer token': { inPlant: 'viewer', outside: 'viewer', session: false, managesUsers: false },
  'admin token of the project': { inPlant: 'admin', outside: 'viewer', session: false, managesUsers: false },
  'admin token of another project': { inPlant: null, outside: 'viewer', session: false, managesUsers: false },
  'expired token': null,
  'revoked token': null,
  'token whose maker was revoked': null,
  'expired session': null,
  'ended session': null,
  'token of a disabled user': null,
  'session of a disabled user': null,
} as const satisfies Record<
  string,
  { inPlant: Role | null; outside: Role; session: boolean; managesUsers: boolean } | null
>;
type Kind = keyof typeof kinds;

/** Credentials that are over fail before a route is looked at: two kinds of them for each route in turn, all in the full tests. */
const full = process.env['VERGE_TEST_FULL'] !== undefined;
const over = Object.entries(kinds).flatMap(([kind, good]) => (good === null ? [kind] : []));
const triedAt = (index: number): Kind[] => {
  const turn = [2 * index, 2 * index + 1].map((at) => over[at % over.length]);
  return (Object.keys(kinds) as Kind[]).filter((kind) => full || kinds[kind] !== null || turn.includes(kind));
};

beforeAll(async () => {
  plane = await Plane.start();
  await plane.member('plant');
  plantId = (await plane.admin.call('projects.get', { params: { project: 'plant' } })).id;
  viewer = (await plane.member('plant', 'viewer')).token;
  stranger = (await plane.member('elsewhere', 'admin')).token;
  credentials = await makeCredentials();
});
afterAll(() => plane.close());

async function makeCredentials(): Promise<Record<Kind, string>> {
  const { admin, database } = plane;
  const create = async (body: Partial<Parameters<typeof admin.call<'tokens.create'>>[1]['body']>, by = admin) =>
    await by.call('tokens.create', { body: { name: 'test', role: 'admin', ...body } });
  const past = { expiresAt: new Date(Date.now() - 1) };
  const user = async (email: string, role: Role): Promise<{ token: string; client: Client }> => {
    const password = 'long enough 1';
    const memberships = [{ project: 'plant', role }];
    await admin.call('users.create', { body: { email, name: email, password, memberships } });
    const { token } = await createClient({ baseUrl: plane.url }).call('auth.login', { body: { email, password } });
    return { token, client: createClient({ baseUrl: plane.url, token }) };
  };
  const expired = await create({});
  await database.apiToken.update({ where: { id: expired.id }, data: past });
  const revoked = await create({});
  const child = await create({}, createClient({ baseUrl: plane.url, token: revoked.token }));
  await admin.call('tokens.delete', { params: { token: revoked.id } });
  const late = await user('late@example.org', 'admin');
  await database.session.updateMany({ where: { user: { email: 'late@example.org' } }, data: past });
  const gone = await user('gone@example.org', 'admin');
  await gone.client.call('auth.logout', {});
  const off = await user('off@example.org', 'admin');
  const offToken = await create({}, off.client);
  await admin.call('users.disable', { params: { user: 'off@example.org' } });
  const again = await createClient({ baseUrl: plane.url }).call('auth.login', { body: administrator });
  return {
    'session of an administrator': again.token,
    'session of a viewer': (await user('viewer@example.org', 'viewer')).token,
    'admin token': (await create({})).token,
    'token that manages users': (await create({ managesUsers: true })).token,
    'operator token': (await create({ role: 'operator' })).token,
    'viewer token': (await create({ role: 'viewer' })).token,
    'admin token of the project': (await create({ project: 'plant' })).token,
    'admin token of another project': (await create({ project: 'elsewhere' })).token,
    'expired token': expired.token,
    'revoked token': revoked.token,
    'token whose maker was revoked': child.token,
    'expired session': late.token,
    'ended session': gone.token,
    'token of a disabled user': offToken.token,
    'session of a disabled user': off.token,
  };
}

/** The status by which the guard refuses, or null where it lets the request through to what the route makes of it. */
function refusalOf(kind: Kind, route: Route): number | null {
  const good = kinds[kind];
  if (good === null) return 401;
  const role = route.path.includes('{project}') ? good.inPlant : good.outside;
  if (role === null) return 404;
  if (roles.indexOf(role) < roles.indexOf(route.role as Role)) return 403;
  if (route.credential === 'session' && !good.session) return 403;
  return route.credential === 'user-management' && !good.managesUsers ? 403 : null;
}

async function ask(route: Route, project: string, token?: string): Promise<{ status: number; code: string }> {
  const names = [...route.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
  const params = Object.fromEntries(names.map((n) => [n, n === 'project' ? project : (parameters[n] ?? anId)]));
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const init: RequestInit = { method: route.method, headers };
  if (route.body) {
    headers['content-type'] = 'application/json';
    init.body = '{}';
  } else if (route.rawBody) init.body = 'bytes';
  const response = await fetch(plane.url + routeUrl(route, params), init);
  const text = await response.text();
  const code = text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : '';
  return { status: response.status, code };
}

/** Routes without a parameter to miss with, or whose parameter is the project itself: they would do what they are for. */
const endsItself = new Set<string>(['auth.logout', 'sessions.deleteOthers', 'projects.delete'] satisfies RouteName[]);
const all = Object.entries<Route>(routes).map(([name, route], index) => ({ name, route, index }));
const ofProjects = all.filter(({ route }) => route.path.includes('{project}'));
const guarded = all.filter(({ route }) => route.role !== 'public');

describe('every route', () => {
  it.each(guarded)('$name takes and refuses each kind of credential', async ({ name, route, index }) => {
    for (const kind of triedAt(index)) {
      // What would end the credential that the others are tried with is tried below.
      const refused = refusalOf(kind, route);
      if (refused === null && (route.stream === 'events' || endsItself.has(name))) continue;
      const { status, code } = await ask(route, 'plant', credentials[kind]);
      if (refused === null) expect([status, code], kind).not.toEqual([expect.anything(), 'FORBIDDEN']);
      if (refused === null) expect(status, kind).not.toBe(401);
      else expect(status, kind).toBe(refused);
    }
  });

  it.each(guarded)('$name refuses who shows no credentials, or false ones', async ({ route, index }) => {
    const none = [undefined, 'vga_not-a-token', 'anything'];
    for (const token of full ? none : [undefined, none[1 + (index % 2)]]) {
      expect((await ask(route, 'plant', token)).status).toBe(401);
    }
  });

  it.each(ofProjects)('$name does not tell a stranger that the project exists', async ({ route }) => {
    const foreign = await ask(route, 'plant', stranger);
    expect(foreign).toEqual(await ask(route, 'no-such-project', stranger));
    expect(foreign.status).toBe(404);
    expect((await ask(route, plantId, stranger)).status).toBe(404);
  });

  it.each(ofProjects.filter(({ route }) => route.role !== 'viewer'))(
    '$name refuses a role that does not suffice',
    async ({ route }) => {
      expect((await ask(route, 'plant', viewer)).status).toBe(403);
    },
  );
});
