import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes, routeUrl, stateRouteOf, type Client, type Route } from '@verge/contracts';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { SimulatedDevice } from '../../test/fleet/device.js';
import { codedTag, entityTag, knownTag, matches } from './entity-tag.js';

let plane: TestControlPlane;
let api: Client;
let device: SimulatedDevice;
let params: { project: string; device: string };
beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  const { bundle } = await api.call('enrollment.create', {
    params: { project: 'plant' },
    body: { deviceClass: 'x64' },
  });
  device = await SimulatedDevice.enroll(bundle, 'press');
  params = { project: 'plant', device: device.id };
});
afterAll(async () => {
  device.stop();
  await plane.close();
});

const labels = async (): Promise<Record<string, string>> => (await api.call('devices.get', { params })).labels;

describe('two operators', () => {
  it('each add a label, and both stay', async () => {
    const add = (key: string) => api.call('devices.update', { params, body: { labels: { [key]: 'x' } } });
    await Promise.all(Array.from({ length: 8 }, (_, i) => add(`label-${i}`)));
    expect(Object.keys(await labels())).toHaveLength(8);
    const removed = await api.call('devices.update', { params, body: { labels: { 'label-0': null, 'label-1': 'y' } } });
    expect([removed.labels['label-0'], removed.labels['label-1']]).toEqual([undefined, 'y']);
  });

  it('cannot overwrite what they did not see', async () => {
    const { etag } = await api.callWithETag('devices.get', { params });
    const rename = (name: string) => api.call('devices.update', { params, body: { name }, ifMatch: etag });
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd', 'e', 'f'].map(rename));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as object] : []));
    for (const reason of refused) expect(reason).toMatchObject({ code: 'PRECONDITION_FAILED', status: 412 });
  });

  it('are not kept from a change by what the device reports', async () => {
    const { etag } = await api.callWithETag('devices.get', { params });
    await device.report('idle', undefined, { rssBytes: 123 });
    const read = await api.callWithETag('devices.get', { params });
    expect(read.etag).not.toBe(etag);
    const changed = await api.callWithETag('devices.update', { params, body: { name: 'press-2' }, ifMatch: etag });
    expect(changed.data.name).toBe('press-2');
    expect(matches(changed.etag!, (await api.callWithETag('devices.get', { params })).etag!)).toBe(true);
  });
});

const all = Object.entries<Route>(routes).map(([name, route]) => ({ name, route }));

describe('every operation that changes a thing', () => {
  const changing = all.filter(({ route }) => !['GET', 'HEAD'].includes(route.method) && stateRouteOf(route));
  it.each(changing)('$name has a state, and answers its tag where it answers the state', ({ route }) => {
    const [, state] = stateRouteOf(route)!;
    expect(state.path.endsWith('}')).toBe(true);
    if (route.method === 'PATCH') expect(route.changes?.length).toBeGreaterThan(0);
  });

  it('is refused when it was made from another state', async () => {
    const { id } = await api.call('groups.create', { params: { project: 'plant' }, body: { name: 'line' } });
    const group = { project: 'plant', group: id };
    const { etag } = await api.callWithETag('groups.get', { params: group });
    await api.call('devices.update', { params, body: { group: 'line' } });
    await expect(api.call('groups.delete', { params: group, ifMatch: etag })).rejects.toMatchObject({ status: 412 });
    await expect(api.call('devices.revoke', { params, ifMatch: '"other"' })).rejects.toMatchObject({ status: 412 });
    await api.call('devices.update', { params, body: { group: null } });
    const now = await api.callWithETag('groups.get', { params: group });
    await api.call('groups.delete', { params: group, ifMatch: now.etag });
  });
});

it('an answer that the caller has is not sent again', async () => {
  const { token } = await plane.api.call('tokens.create', {
    body: { name: 'reader', project: 'plant', role: 'viewer' },
  });
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(plane.api.baseUrl + path, { headers: { authorization: `Bearer ${token}`, ...headers } });
  for (const name of ['groups.list', 'projects.get', 'recipes.list'] as const) {
    const path = routeUrl(routes[name], { project: 'plant' });
    const first = await ask(path);
    const etag = first.headers.get('etag')!;
    expect(first.headers.get('content-type')).toContain('application/json');
    const again = await ask(path, { 'if-none-match': `"other", W/${etag}` });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    expect((await ask(path, { 'if-none-match': '"other"' })).status).toBe(200);
  }
});

it('tags compare as RFC 9110 says', () => {
  const path = routes['devices.get'].path;
  const [a, b] = [
    { name: 'x', rssBytes: 1 },
    { name: 'x', rssBytes: 2 },
  ].map((answer) => entityTag(path, answer));
  const c = entityTag(path, { name: 'y', rssBytes: 1 });
  expect(a).not.toBe(b);
  expect([matches(a!, b!), matches(a!, c), matches('*', c), matches(`"x", ${c}`, c), matches(`W/${c}`, c)]).toEqual([
    true,
    false,
    true,
    true,
    false,
  ]);
  expect([a!, b!, `W/${a!}`, '*'].map((header) => knownTag(header, a!))).toEqual([a, undefined, a, a]);
});

it('tags of one state in several codings differ, and mean the same', () => {
  const path = routes['devices.get'].path;
  const tag = entityTag(path, { name: 'x', rssBytes: 1 });
  const later = entityTag(path, { name: 'x', rssBytes: 2 });
  for (const coding of ['br', 'gzip']) {
    const coded = codedTag(tag, coding);
    expect(coded).not.toBe(tag);
    expect([matches(coded, later), knownTag(coded, tag), knownTag(coded, later)]).toEqual([true, coded, undefined]);
  }
});
