/** What a request says of itself: method, media type, encoding, length. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes, routeUrl, type Route } from '@verge/contracts';
import { Plane } from '../../test/plane.js';
import { isStorable } from '../json.js';

let plane: Plane;
let token: string;
beforeAll(async () => {
  plane = await Plane.start();
  token = (await plane.member('plant')).token;
});
afterAll(() => plane.close());

type Body = NonNullable<RequestInit['body']>;
async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: Body) {
  const init: RequestInit = { method, headers: { authorization: `Bearer ${token}`, ...headers } };
  if (body !== undefined) init.body = body;
  const response = await fetch(plane.url + path, init);
  const text = await response.text();
  const code = text.startsWith('{') ? (JSON.parse(text) as { code?: string }).code : undefined;
  return { status: response.status, headers: response.headers, code };
}
const groups = '/api/v1/projects/plant/groups';
const group = JSON.stringify({ name: 'line' });
const json = { 'content-type': 'application/json' };

describe('methods', () => {
  const paths = [...new Set(Object.values<Route>(routes).map((route) => route.path))];
  it.each(paths)('%s refuses those that it does not have, and names those that it has', async (path) => {
    const own = Object.values<Route>(routes).filter((route) => route.path === path);
    const methods = own.map((route) => route.method as string);
    const { project, ...rest } = Object.fromEntries([...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => [name, 'x']));
    const url = routeUrl(own[0]!, { ...rest, ...(project ? { project: 'plant' } : {}) });
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((each) => !methods.includes(each))) {
      const { status, headers, code } = await ask(method, url);
      expect([status, code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
      for (const allowed of methods) expect(headers.get('allow')).toContain(allowed);
    }
    expect((await ask('OPTIONS', url)).status).toBe(204);
  });

  it('are not asked of a path that does not exist', async () => {
    expect((await ask('PUT', '/api/v1/nothing')).status).toBe(404);
    expect((await ask('POST', '/healthz')).status).toBe(405);
    expect((await ask('HEAD', '/api/v1/projects/plant/events')).status).toBe(200);
  });
});

describe('a body', () => {
  it.each([
    ['of no type', {}, group, 415],
    ['of another type', { 'content-type': 'text/plain' }, group, 415],
    ['of a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'name=line', 415],
    ['in another character set', { 'content-type': 'application/json; charset=latin1' }, group, 415],
    ['that is compressed', { ...json, 'content-encoding': 'gzip' }, gzipSync(group), 415],
    ['that is not UTF-8', json, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    ['that is not JSON', json, '{', 400],
    ['that is too large', json, JSON.stringify({ name: 'x'.repeat(2 << 20) }), 413],
    ['in UTF-8, said so', { 'content-type': 'application/json; charset="UTF-8"' }, group, 201],
  ])('%s', async (_, headers, body, status) => {
    expect((await ask('POST', groups, headers as Record<string, string>, body)).status).toBe(status);
  });

  it('of bytes is not taken under another type, nor compressed', async () => {
    const bytes = Buffer.from('bytes');
    const path = `/api/v1/projects/plant/blobs/sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    expect((await ask('PUT', path, { 'content-type': 'text/csv' }, bytes)).status).toBe(415);
    expect((await ask('PUT', path, { 'content-encoding': 'gzip' }, bytes)).status).toBe(415);
    expect((await ask('PUT', path, { 'content-type': 'application/octet-stream' }, bytes)).status).toBe(201);
    const beyond = await ask('GET', path, { range: 'bytes=9-' });
    expect([beyond.status, beyond.code, beyond.headers.get('content-range')]).toEqual([
      416,
      'RANGE_NOT_SATISFIABLE',
      'bytes */5',
    ]);
  });
});

it('a query that is not UTF-8 is refused', async () => {
  for (const query of ['?q=%ff', '?q=%', '?%c3=1']) {
    expect((await ask('GET', `/api/v1/projects/plant/devices${query}`)).status).toBe(400);
  }
});

it('knows what PostgreSQL stores as JSON', () => {
  for (const value of ['\0', { a: ['x\ud800'] }, { '\udc00': 1 }]) expect(isStorable(value)).toBe(false);
  for (const value of ['', '\\u0000', { a: '😀\\' }, null]) expect(isStorable(value)).toBe(true);
});
