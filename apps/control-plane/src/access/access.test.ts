import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type ApiError } from '@verge/contracts';
import { administrator, Plane } from '../../test/plane.js';

let plane: Plane;
beforeAll(async () => {
  plane = await Plane.start();
});
afterAll(() => plane.close());

const refusal = async (call: Promise<unknown>): Promise<ApiError> =>
  await call.then(
    () => expect.fail('expected a refusal'),
    (error: ApiError) => error,
  );
const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(plane.url + path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

describe('login', () => {
  it('names every bad field of the body at once', async () => {
    const response = await post('/api/v1/auth/login', JSON.stringify({ email: 'nobody', extra: 1, more: 2 }));
    expect(response.status).toBe(422);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = (await response.json()) as { code: string; errors: { field: string }[] };
    expect(problem.code).toBe('VALIDATION_FAILED');
    expect(problem.errors.map((e) => e.field).sort()).toEqual(['/email', '/extra', '/more', '/password']);
  });

  it('refuses what is not JSON, not said to be JSON, or too large', async () => {
    expect((await post('/api/v1/auth/login', '{"email":')).status).toBe(400);
    expect((await post('/api/v1/auth/login', 'a=b', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('/api/v1/auth/login', JSON.stringify({ email: 'x'.repeat(9000) }))).status).toBe(413);
  });

  it('refuses a wrong password and an unknown address in the same words', async () => {
    const api = createClient({ baseUrl: plane.url });
    const wrong = await refusal(api.call('auth.login', { body: { ...administrator, password: 'wrong password' } }));
    const unknown = await refusal(api.call('auth.login', { body: { email: 'x@example.org', password: 'whatever' } }));
    expect(wrong.code).toBe('UNAUTHENTICATED');
    expect(unknown.message).toBe(wrong.message);
  });

  it('stops listening after ten failures for one address', async () => {
    const api = createClient({ baseUrl: plane.url });
    const attempt = (): Promise<ApiError> =>
      refusal(api.call('auth.login', { body: { email: 'guess@example.org', password: 'guess' } }));
    for (let i = 0; i < 10; i++) expect((await attempt()).code).toBe('UNAUTHENTICATED');
    expect((await attempt()).code).toBe('RATE_LIMITED');
  });

  it('keeps no secret: neither passwords nor tokens are in the database', async () => {
    const { token } = await plane.admin.call('tokens.create', { body: { name: 'ci' } });
    const tables = ['users', 'sessions', 'api_tokens', 'audit_entries'];
    for (const table of tables) {
      const rows = JSON.stringify((await plane.database.pool.query(`SELECT * FROM ${table}`)).rows);
      expect(rows).not.toContain(token);
      expect(rows).not.toContain(administrator.password);
    }
  });
});

describe('session cookie', () => {
  const login = async (): Promise<string> => {
    const response = await post('/api/v1/auth/login', JSON.stringify(administrator));
    const cookie = response.headers.get('set-cookie')!;
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    return cookie.split(';')[0]!;
  };
  const create = (cookie: string, headers: Record<string, string>): Promise<Response> =>
    post('/api/v1/tokens', JSON.stringify({ name: 'from the console' }), { cookie, ...headers });

  it('is taken from this origin only when something is changed', async () => {
    const cookie = await login();
    expect((await fetch(`${plane.url}/api/v1/auth/me`, { headers: { cookie } })).status).toBe(200);
    expect((await create(cookie, { origin: plane.url })).status).toBe(201);
    expect((await create(cookie, { origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await create(cookie, {})).status).toBe(403);
  });

  it('ends with the session', async () => {
    const cookie = await login();
    const logout = await post('/api/v1/auth/logout', '', { cookie, origin: plane.url });
    expect(logout.status).toBe(204);
    expect((await fetch(`${plane.url}/api/v1/auth/me`, { headers: { cookie } })).status).toBe(401);
  });
});

describe('API tokens', () => {
  it('are never more powerful than who makes them', async () => {
    const viewer = await plane.member('plant', 'viewer');
    const more = await refusal(viewer.call('tokens.create', { body: { name: 'x', project: 'plant', role: 'admin' } }));
    expect(more.code).toBe('FORBIDDEN');
    const wider = await refusal(viewer.call('tokens.create', { body: { name: 'x', role: 'viewer' } }));
    expect(wider.code).toBe('FORBIDDEN');
  });

  it('reach one project only when they are for one', async () => {
    const member = await plane.member('plant', 'admin');
    await plane.member('office');
    const projects = await member.call('projects.list', {});
    expect(projects.items.map((p) => p.slug)).toEqual(['plant']);
    expect((await refusal(member.call('projects.get', { params: { project: 'office' } }))).code).toBe('NOT_FOUND');
    expect((await refusal(member.call('users.list', {}))).code).toBe('FORBIDDEN');
    const body = { slug: 'mine', name: 'Mine' };
    expect((await refusal(member.call('projects.create', { body }))).code).toBe('FORBIDDEN');
  });

  it('end when they are revoked or expire', async () => {
    const made = await plane.admin.call('tokens.create', { body: { name: 'short', expiresInDays: 1 } });
    const api = createClient({ baseUrl: plane.url, token: made.token });
    expect((await api.call('auth.me', {})).email).toBe(administrator.email);
    await plane.database.apiToken.update({ where: { id: made.id }, data: { expiresAt: new Date(Date.now() - 1) } });
    expect((await refusal(api.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
    const other = await plane.admin.call('tokens.create', { body: { name: 'revoked' } });
    await plane.admin.call('tokens.delete', { params: { token: other.id } });
    const gone = createClient({ baseUrl: plane.url, token: other.token });
    expect((await refusal(gone.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
  });
});

describe('users', () => {
  it('join projects with a role, and see no other project', async () => {
    await plane.member('plant');
    const body = { email: 'Vera@Example.org', name: 'Vera', password: 'long enough 1', memberships: [] };
    const memberships = [{ project: 'plant', role: 'viewer' as const }];
    const made = await plane.admin.call('users.create', { body: { ...body, memberships } });
    expect(made.memberships).toEqual(memberships);
    expect((await refusal(plane.admin.call('users.create', { body }))).code).toBe('CONFLICT');
    const anonymous = createClient({ baseUrl: plane.url });
    const { token } = await anonymous.call('auth.login', {
      body: { email: 'vera@example.org', password: body.password },
    });
    const vera = createClient({ baseUrl: plane.url, token });
    expect((await vera.call('projects.get', { params: { project: 'plant' } })).role).toBe('viewer');
    const group = { params: { project: 'plant' }, body: { name: 'line-1' } };
    expect((await refusal(vera.call('groups.create', group))).code).toBe('FORBIDDEN');
    expect((await refusal(vera.call('projects.get', { params: { project: 'default' } }))).code).toBe('NOT_FOUND');
  });

  it('are put only into projects that the caller administers, every wrong one named', async () => {
    const memberships = [
      { project: 'nowhere', role: 'viewer' as const },
      { project: 'default', role: 'viewer' as const },
      { project: 'neither', role: 'admin' as const },
    ];
    const body = { email: 'w@example.org', name: 'W', password: 'long enough 1', memberships };
    const error = await refusal(plane.admin.call('users.create', { body }));
    expect(error.errors.map((e) => e.field)).toEqual(['/memberships/0/project', '/memberships/2/project']);
  });
});
