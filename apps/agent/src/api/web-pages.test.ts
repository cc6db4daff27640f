/** Requests as browsers send them for pages of others, on real sockets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Serving } from '../serving.js';
import { Api } from './server.js';

const log = pino({ enabled: false });
const serving = new Serving({ threads: 1, onCrash: () => undefined, log });
const api = new Api({
  serving,
  record: () => undefined,
  status: () => Promise.resolve({}),
  bodyBytes: 1000,
  log,
});
let dir: string;
let port: string;
let openPort: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verge-pages-'));
  port = new URL(await api.listenTcp('127.0.0.1', 0)).port;
  openPort = new URL(await api.listenTcp('0.0.0.0', 0)).port;
  await api.listenUnix(join(dir, 'api.sock'));
});
afterAll(async () => {
  await api.close();
  await rm(dir, { recursive: true, force: true });
});

type Where = { port: string } | { socketPath: string };

const ask = (where: Where, headers: Record<string, string>, method = 'GET'): Promise<number> =>
  new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', ...where, path: '/v2', method, headers }, (response) => {
      resolve(response.resume().statusCode!);
    });
    call.on('error', reject).end();
  });

it.each([
  ['localhost:7450', 200],
  ['LocalHost:7450', 200],
  ['localhost.', 200],
  ['127.0.0.1', 200],
  ['127.8.9.10:80', 200],
  ['[::1]:7450', 200],
  ['attacker.example', 403],
  ['localhost.attacker.example', 403],
  ['127.0.0.1.attacker.example:7450', 403],
  ['127.0.0.1@attacker.example', 403],
  ['127.1', 403],
])('on a loopback address the Host %j is answered with %i', async (host, status) => {
  expect(await ask({ port }, { host })).toBe(status);
});

it.each([
  ['localhost:7450', 'http://localhost:7450', 200],
  ['LOCALHOST:7450', 'http://localhost:7450', 200],
  ['localhost', 'http://localhost:80', 200],
  ['localhost:7450', 'https://localhost:7450', 403],
  ['localhost:7450', 'http://localhost:3000', 403],
  ['localhost:7450', 'http://127.0.0.1:7450', 403],
  ['localhost:7450', 'https://attacker.example', 403],
  ['localhost:7450', 'null', 403],
  ['localhost:7450', '', 403],
])('at the Host %j a page of %j is answered with %i', async (host, origin, status) => {
  expect(await ask({ port }, { host, origin })).toBe(status);
  // What a page may send without asking first (Fetch, 2.2.1), and the question whether it may.
  expect(await ask({ port }, { host, origin }, 'POST')).toBe(status === 403 ? 403 : 405);
  expect(await ask({ port }, { host, origin }, 'OPTIONS')).toBe(status === 403 ? 403 : 405);
});

it('beyond this machine any Host is answered, and pages of others are not', async () => {
  expect(await ask({ port: openPort }, { host: 'pi.example' })).toBe(200);
  expect(await ask({ port: openPort }, { host: 'pi.example', origin: 'http://pi.example' })).toBe(200);
  expect(await ask({ port: openPort }, { host: 'pi.example', origin: 'http://attacker.example' })).toBe(403);
});

it('on the Unix socket, where no page comes, any Host is answered', async () => {
  expect(await ask({ socketPath: join(dir, 'api.sock') }, { host: 'any.thing' })).toBe(200);
});
