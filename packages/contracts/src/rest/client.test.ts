import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError, createClient, routes, routeUrl } from './index.js';

const server = createServer((request, response) => {
  if (request.url === '/api/v1/projects/demo/groups?limit=2') {
    const group = {
      id: '0193d0f0-0000-7000-8000-000000000001',
      name: 'line-1',
      description: '',
      devices: 3,
      online: 2,
      createdAt: '2026-01-01T00:00:00Z',
    };
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ items: [group], nextCursor: null, total: 1 }));
  } else if (request.url === '/api/v1/auth/me') {
    response.end('{"id": 1}');
  } else {
    response.statusCode = 422;
    response.end(
      JSON.stringify({
        title: 'Bad',
        status: 422,
        code: 'VALIDATION_FAILED',
        errors: [{ field: '/name', detail: 'expected a name' }],
      }),
    );
  }
});
let baseUrl = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

describe('client', () => {
  it('fills paths and queries, and parses the answer', async () => {
    const groups = await createClient({ baseUrl }).call('groups.list', {
      params: { project: 'demo' },
      query: { limit: 2 },
    });
    expect(groups.items[0]?.online).toBe(2);
  });
  it('turns problem details into an error that names the fields', async () => {
    const call = createClient({ baseUrl }).call('groups.create', { params: { project: 'demo' }, body: { name: 'x' } });
    await expect(call).rejects.toMatchObject({ code: 'VALIDATION_FAILED', status: 422, errors: [{ field: '/name' }] });
  });
  it('refuses an answer that is not of the agreed form', async () => {
    await expect(createClient({ baseUrl }).call('auth.me', {})).rejects.toMatchObject({ code: 'UNEXPECTED_RESPONSE' });
  });
  it('says when nobody answers', async () => {
    const call = createClient({ baseUrl: 'http://127.0.0.1:1' }).call('auth.me', {});
    await expect(call).rejects.toBeInstanceOf(ApiError);
    await expect(call).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });
  it('escapes path parameters', () => {
    expect(routeUrl(routes['versions.get'], { project: 'a/b', version: 'm@1' })).toBe(
      '/api/v1/projects/a%2Fb/versions/m%401',
    );
  });
});

describe('routes', () => {
  it('gives every operation a distinct method and path', () => {
    const keys = Object.values(routes).map((r) => `${r.method} ${r.path}`);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
