/** A server that breaks off connections and says 503, over real sockets. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createClient } from './client.js';

const group = {
  id: '0193d0f0-0000-7000-8000-000000000001',
  name: 'line',
  description: '',
  devices: 0,
  online: 0,
  createdAt: '2026-01-01T00:00:00Z',
};
type Act = (request: IncomingMessage, response: ServerResponse) => void;
const reset: Act = (request) => void request.socket.destroy();
const problem =
  (status: number, code: string): Act =>
  (_, response) =>
    void response.writeHead(status, { 'retry-after': '0' }).end(JSON.stringify({ title: 'x', status, code }));
const done: Act = (_, response) => void response.writeHead(201).end(JSON.stringify(group));

let script: Act[] = [];
let keys: unknown[] = [];
const server = createServer((request, response) => {
  keys.push(request.headers['idempotency-key']);
  request.resume();
  (script.shift() ?? done)(request, response);
});
let baseUrl = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => void (keys = []));
afterAll(() => void server.close());

const create = (signal?: AbortSignal) =>
  createClient({ baseUrl }).call('groups.create', {
    params: { project: 'p' },
    body: { name: 'line' },
    ...(signal ? { signal } : {}),
  });

it('is asked again under the same key until it answers', async () => {
  script = [reset, problem(503, 'UNAVAILABLE'), problem(409, 'REQUEST_IN_PROGRESS')];
  expect((await create()).name).toBe('line');
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
});

it('is not asked again after a refusal', async () => {
  script = [problem(409, 'CONFLICT')];
  await expect(create()).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(keys).toHaveLength(1);
});

it('gives up in the end, and at once when nobody wants it any more', async () => {
  script = Array<Act>(4).fill(problem(503, 'UNAVAILABLE'));
  await expect(create()).rejects.toMatchObject({ status: 503 });
  expect(keys).toHaveLength(4);
  script = Array<Act>(4).fill(problem(503, 'UNAVAILABLE'));
  await expect(create(AbortSignal.timeout(50))).rejects.toThrow();
  expect(keys).toHaveLength(5);
});

it('reads once: what changes nothing is the caller’s to repeat', async () => {
  script = [reset];
  const read = createClient({ baseUrl }).call('groups.get', { params: { project: 'p', group: 'line' } });
  await expect(read).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(keys).toEqual([undefined]);
});
