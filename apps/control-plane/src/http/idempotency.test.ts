import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, routes, takesIdempotencyKey, type Client, type Route } from '@verge/contracts';
import { Plane } from '../../test/plane.js';
import { decryptAnswer, encryptAnswer, parseKey } from './idempotency-key.js';

let plane: Plane;
let api: Client & { token: string };
beforeAll(async () => {
  plane = await Plane.start();
  api = await plane.member('plant');
});
afterAll(() => plane.close());

const params = { project: 'plant' };
const create = (idempotencyKey: string, maxUses = 1, by: Client = api) =>
  by.call('enrollment.create', { params, body: { deviceClass: 'x64', maxUses }, idempotencyKey });
const count = async (): Promise<number> => (await api.call('enrollment.list', { params })).items.length;

describe('a key', () => {
  it('makes one of many requests', async () => {
    const before = await count();
    const key = 'key-of-many-requests';
    const made = await Promise.all(Array.from({ length: 6 }, () => create(key)));
    expect(new Set(made.map(({ bundle }) => bundle.token)).size).toBe(1);
    expect(await count()).toBe(before + 1);
    expect((await create(key)).id).toBe(made[0]!.id);
  });

  it('is for one request', async () => {
    await create('key-of-one-request', 1);
    await expect(create('key-of-one-request', 2)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
      status: 422,
    });
    // Of another caller it is another key.
    await create('key-of-one-request', 2, plane.admin);
  });

  it('is free again after a refusal', async () => {
    const body = { name: 'taken' };
    await api.call('groups.create', { params, body });
    const again = { params, body, idempotencyKey: 'key-that-was-refused' };
    await expect(api.call('groups.create', again)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(api.call('groups.create', again)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('says so when it is not known what became of the first', async () => {
    await create('key-that-broke-off');
    await plane.database.idempotencyKey.updateMany({ data: { answer: null, finishedAt: null } });
    const response = await fetch(`${plane.url}/api/v1/projects/plant/enrollment-tokens`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.token}`,
        'content-type': 'application/json',
        'idempotency-key': '"key-that-broke-off"',
      },
      body: JSON.stringify({ deviceClass: 'x64', maxUses: 1 }),
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([409, 'REQUEST_IN_PROGRESS']);
    expect(response.headers.get('retry-after')).toBe('1');
  });

  it('is forgotten after a day, and keeps no secret meanwhile', async () => {
    const key = 'key-that-is-forgotten';
    const { id, bundle } = await create(key);
    const rows = await plane.database.idempotencyKey.findMany();
    const stored = Buffer.concat(rows.map(({ answer }) => Buffer.from(answer ?? []))).toString('latin1');
    expect(stored).not.toContain(bundle.token);
    expect(JSON.stringify(rows)).not.toContain(key);
    await plane.database.idempotencyKey.updateMany({ data: { createdAt: new Date(Date.now() - 25 * 3_600_000) } });
    expect((await create(key)).id).not.toBe(id);
  });

  it('has a form', async () => {
    await expect(create('short')).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ field: 'Idempotency-Key' }],
    });
    expect([parseKey('"0123456789abcdef"'), parseKey('0123456789abcdef')]).toEqual(Array(2).fill('0123456789abcdef'));
    expect(decryptAnswer('k', encryptAnswer('k', { a: [1] }))).toEqual({ a: [1] });
    expect(() => decryptAnswer('other', encryptAnswer('k', { a: [1] }))).toThrow();
  });
});

it('every operation that creates takes one', () => {
  const creating = Object.entries<Route>(routes).filter(([, route]) => route.status === 201 && route.method === 'POST');
  expect(creating.filter(([, route]) => !takesIdempotencyKey(route))).toEqual([]);
});

it('the client sends one by itself', async () => {
  const sent: Headers[] = [];
  const client = createClient({
    baseUrl: plane.url,
    token: api.token,
    fetch: (url, init) => {
      sent.push(new Headers(init?.headers));
      return fetch(url, init);
    },
  });
  await client.call('groups.create', { params, body: { name: 'keyed' } });
  expect(sent[0]!.get('idempotency-key')).toMatch(/^"[0-9a-f]{32}"$/);
  await client.call('groups.get', { params: { ...params, group: 'keyed' } });
  expect(sent[1]!.get('idempotency-key')).toBeNull();
});
