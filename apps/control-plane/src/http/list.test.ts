/** Every list of the API, as its route declares it, over a real database. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { routes, routeUrl, type Client, type Route } from '@verge/contracts';
import { administrator as account, Plane } from '../../test/plane.js';
import { fillProject, ROLLOUT_ID, FIRST_DEVICE } from '../../test/many-rows.js';

/** All orders of a list in the full tests; otherwise the first, one of the middle and the last. */
const full = process.env['VERGE_TEST_FULL'] !== undefined;

let plane: Plane;
let api: Client & { token: string };
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await Plane.start();
  api = await plane.member('plant', 'admin');
  const { id } = await plane.admin.call('projects.get', { params });
  await fillProject(plane.database, id, 12);
});
afterAll(() => plane.close());

interface Answer {
  status: number;
  body: {
    items: { id?: string }[];
    nextCursor: string | null;
    total: number;
    errors?: { field: string; detail: string }[];
  };
}
const parameters = { project: 'plant', rollout: ROLLOUT_ID, device: FIRST_DEVICE, user: account.email };

async function ask(name: string, query: Record<string, unknown>): Promise<Answer> {
  const url = plane.url + routeUrl((routes as Record<string, Route>)[name]!, parameters, query);
  const token = ofAdministrators.test(name) ? await administrator() : api.token;
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}
/** Lists that only a session of an administrator reads. */
const ofAdministrators = /^(users|sessions|removals)\.|^audit\.listAll$|^blobs\.collections$/;
let session: string | undefined;
async function administrator(): Promise<string> {
  session ??= (await plane.admin.call('auth.login', { body: account })).token;
  return session;
}

const lists = Object.entries<Route>(routes).flatMap(([name, route]) => {
  const sort = route.query?.shape['sort'] as z.ZodDefault<z.ZodEnum> | undefined;
  return sort ? [{ name, sorts: sort.unwrap().options as string[] }] : [];
});

describe('every list', () => {
  it('is one that declares its order: no other operation answers pages', () => {
    const paged = Object.entries<Route>(routes).filter(([, route]) => route.query?.shape['cursor'] !== undefined);
    // The files of a data set are the lines of one blob: they have one order.
    const names = paged.map(([name]) => name).filter((name) => name !== 'datasets.files');
    expect(names).toEqual(lists.map(({ name }) => name));
  });

  it.each(lists)(
    '$name: each order gives every row once, page by page, and counts them all',
    async ({ name, sorts }) => {
      const all = await ask(name, { limit: 500 });
      expect(all.status).toBe(200);
      expect(all.body.total).toBe(all.body.items.length);
      expect(all.body.total).toBeGreaterThan(0);
      const texts = (items: object[]): string[] => items.map((item) => JSON.stringify(item));
      for (const sort of full ? sorts : [...new Set([sorts[0]!, sorts[sorts.length >> 1]!, sorts.at(-1)!])]) {
        const whole = await ask(name, { limit: 500, sort });
        const seen: object[] = [];
        for (let cursor: string | null | undefined; cursor !== null;) {
          const { status, body } = await ask(name, { limit: 5, sort, ...(cursor ? { cursor } : {}) });
          expect([status, body.total], sort).toEqual([200, all.body.total]);
          seen.push(...body.items);
          cursor = body.nextCursor;
        }
        expect(texts(seen), sort).toEqual(texts(whole.body.items));
        expect(texts(seen).sort()).toEqual(texts(all.body.items).sort());
      }
    },
  );

  it.each(lists.filter(({ sorts }) => sorts.length > 2))(
    '$name refuses the cursor of another order by name',
    async ({ name, sorts }) => {
      const [first, , other] = sorts as [string, string, string];
      const { body } = await ask(name, { limit: 1, sort: first });
      if (body.nextCursor === null) return;
      const refused = await ask(name, { limit: 1, sort: other, cursor: body.nextCursor });
      expect(refused.status).toBe(422);
      expect(refused.body.errors).toEqual([
        { field: '?cursor', detail: `expected a cursor of the order ${other}; this one is of the order ${first}` },
      ]);
    },
  );

  it.each(lists)('$name refuses what is no cursor and no order, with 422 and never worse', async ({ name, sorts }) => {
    const forged = (at: unknown): string =>
      Buffer.from(JSON.stringify({ sort: sorts[0], at }), 'utf8').toString('base64url');
    const wrong = [
      'nonsense',
      forged(null),
      forged([]),
      forged(['x\0y', 'x\0y']),
      forged([null]),
      forged([1]),
      forged(['9'.repeat(40)]),
    ];
    for (const cursor of wrong) {
      const { status, body } = await ask(name, { sort: sorts[0], cursor });
      expect([status, body.errors?.map((e) => e.field)], cursor).toEqual([422, ['?cursor']]);
    }
    const { body } = await ask(name, { sort: 'colour', limit: 501 });
    expect(body.errors?.map((e) => e.field).sort()).toEqual(['?limit', '?sort']);
  });
});

describe('search', () => {
  const total = async (query: Record<string, unknown>): Promise<number> =>
    (await ask('devices.list', query)).body.total;

  it('takes % and _ as they stand', async () => {
    const { body } = await ask('devices.list', { limit: 2 });
    const [first, second] = body.items as [{ id: string }, { id: string }];
    await api.call('devices.update', { params: { ...params, device: first.id }, body: { name: '100% a_b' } });
    await api.call('devices.update', {
      params: { ...params, device: second.id },
      body: { name: String.raw`back\slash` },
    });
    expect(await total({ q: '%' })).toBe(1);
    expect(await total({ q: '0% A_' })).toBe(1);
    expect(await total({ q: 'a_b' })).toBe(1);
    expect(await total({ q: 'axb' })).toBe(0);
    expect(await total({ q: '\\' })).toBe(1);
    expect(await total({ q: '____' })).toBe(0);
  });

  it('finds a device by how its identifier begins', async () => {
    expect(await total({ q: FIRST_DEVICE })).toBe(1);
    expect(await total({ q: FIRST_DEVICE.slice(0, -1).toUpperCase() })).toBeGreaterThan(0);
    expect(await total({ q: `${FIRST_DEVICE}0` })).toBe(0);
  });
});

describe('filters', () => {
  it('part a list: what matches and what does not is all of it', async () => {
    const { total } = (await ask('devices.list', {})).body;
    for (const filter of ['failing', 'online'] as const) {
      const [yes, no] = [
        await ask('devices.list', { [filter]: 'true' }),
        await ask('devices.list', { [filter]: 'false' }),
      ];
      expect(yes.body.total, filter).toBeGreaterThan(0);
      expect(yes.body.total + no.body.total, filter).toBe(total);
    }
  });

  it('take several states, and name what is none', async () => {
    const rollout = await api.call('rollouts.get', { params: { ...params, rollout: ROLLOUT_ID } });
    const { body } = await ask('rollouts.devices', { state: 'updated,failed' });
    expect(body.total).toBe((rollout.counts.updated ?? 0) + (rollout.counts.failed ?? 0));
    const bad = await ask('rollouts.devices', { state: 'updated,lost' });
    expect(bad.body.errors?.[0]).toMatchObject({ field: '?state' });
    expect(bad.body.errors?.[0]?.detail).toMatch(/expected one or more of waiting, offered/);
  });
});
