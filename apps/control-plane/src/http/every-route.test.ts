import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes, routeUrl, type Route } from '@verge/contracts';
import { Plane } from '../../test/plane.js';

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
let stranger: string;
let viewer: string;
beforeAll(async () => {
  plane = await Plane.start();
  await plane.member('plant');
  viewer = (await plane.member('plant', 'viewer')).token;
  stranger = (await plane.member('elsewhere', 'admin')).token;
});
afterAll(() => plane.close());

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

const all = Object.entries<Route>(routes).map(([name, route]) => ({ name, route }));
const ofProjects = all.filter(({ route }) => route.path.includes('{project}'));
const guarded = all.filter(({ route }) => route.role !== 'public');

describe('every route', () => {
  it.each(guarded)('$name refuses who shows no credentials, or false ones', async ({ route }) => {
    for (const token of [undefined, 'vga_not-a-token', 'anything']) {
      expect((await ask(route, 'plant', token)).status).toBe(401);
    }
  });

  it.each(ofProjects)('$name does not tell a stranger that the project exists', async ({ route }) => {
    const { id } = await plane.admin.call('projects.get', { params: { project: 'plant' } });
    const foreign = await ask(route, 'plant', stranger);
    expect(foreign).toEqual(await ask(route, 'no-such-project', stranger));
    expect(foreign.status).toBe(404);
    expect((await ask(route, id, stranger)).status).toBe(404);
  });

  it.each(ofProjects.filter(({ route }) => route.role !== 'viewer'))(
    '$name refuses a role that does not suffice',
    async ({ route }) => {
      expect((await ask(route, 'plant', viewer)).status).toBe(403);
    },
  );
});
