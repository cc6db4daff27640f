/** What goes over the wire, looked at without a client that decodes it. */
import { request as ask, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillProject } from '../../test/many-rows.js';
import { Plane } from '../../test/plane.js';

let plane: Plane;
let token: string;
beforeAll(async () => {
  plane = await Plane.start();
  token = (await plane.member('plant')).token;
  const { id } = await plane.admin.call('projects.get', { params: { project: 'plant' } });
  await fillProject(plane.database, id, 60);
});
afterAll(() => plane.close());

interface Told {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}
function open(path: string, headers: Record<string, string>, body?: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = ask(plane.url + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body ? { 'content-type': 'application/json', 'idempotency-key': `"${Math.random()}"` } : {}),
        ...headers,
      },
    });
    asked.on('response', resolve).on('error', reject);
    asked.end(body && JSON.stringify(body));
  });
}
async function get(path: string, headers: Record<string, string> = {}, body?: object): Promise<Told> {
  const answer = await open(path, headers, body);
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) };
}
const devices = '/api/v1/projects/plant/devices?limit=100';
const one = '/api/v1/projects/plant/devices?limit=1';

describe('an answer', () => {
  it.each([
    ['br, gzip', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
  ])('to who takes %s comes in %s', async (takes, coding, decode) => {
    const plain = await get(devices);
    const coded = await get(devices, { 'accept-encoding': takes });
    expect(coded.headers['content-encoding']).toBe(coding);
    expect(decode(coded.body).equals(plain.body)).toBe(true);
    expect(coded.body.length * 5).toBeLessThan(plain.body.length);
    for (const { headers } of [plain, coded]) expect(headers.vary).toBe('Accept-Encoding');
    expect(coded.headers.etag).toBe(plain.headers.etag!.replace(/"$/, `-${coding}"`));
  });

  it('is known by its tag in any coding', async () => {
    const { headers } = await get(devices, { 'accept-encoding': 'br' });
    const tag = headers.etag!;
    for (const takes of ['br', 'gzip', 'identity']) {
      const again = await get(devices, { 'accept-encoding': takes, 'if-none-match': tag });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, tag]);
      expect(again.headers.vary).toBe('Accept-Encoding');
    }
  });

  it('that is short is sent as it is, and one to whoever takes no coding', async () => {
    expect((await get('/healthz', { 'accept-encoding': 'br' })).headers['content-encoding']).toBeUndefined();
    expect((await get(devices, { 'accept-encoding': 'identity' })).headers['content-encoding']).toBeUndefined();
  });

  it('that may hold a secret, or that is kept by nobody, says so', async () => {
    const made = await get(
      '/api/v1/projects/plant/enrollment-tokens',
      { 'accept-encoding': 'br' },
      { deviceClass: 'x64' },
    );
    expect(made.status).toBe(201);
    expect(made.body.length).toBeGreaterThan(1024);
    expect(made.headers['content-encoding']).toBeUndefined();
    for (const { headers } of [made, await get(one)]) expect(headers['cache-control']).toBe('no-store');
  });

  it('that is a stream of events is not held back', async () => {
    const stream = await open('/api/v1/projects/plant/events', { 'accept-encoding': 'br, gzip' });
    expect(stream.headers['content-encoding']).toBeUndefined();
    const [first] = (await stream[Symbol.asyncIterator]().next()).value.toString().split('\n');
    expect(first).toBe(': open');
    stream.destroy();
  });
});

it('a change is taken from a state that was read in a coding', async () => {
  const { items } = JSON.parse((await get(one)).body.toString()) as { items: { id: string }[] };
  const params = { project: 'plant', device: items[0]!.id };
  const { etag } = await get(`/api/v1/projects/plant/devices/${params.device}`).then(({ headers }) => headers);
  const coded = etag!.replace(/"$/, '-br"');
  const renamed = await plane.admin.call('devices.update', { params, body: { name: 'renamed' }, ifMatch: coded });
  expect(renamed.name).toBe('renamed');
  const again = plane.admin.call('devices.update', { params, body: { name: 'other' }, ifMatch: coded });
  await expect(again).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
});
