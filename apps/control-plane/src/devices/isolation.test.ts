import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, RouteName } from '@verge/contracts';
import { routes } from '@verge/contracts';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { requestEnrollment } from '../../test/fleet/device.js';

let plane: TestControlPlane;
let own: Client;
let foreign: Client;
/** Identifiers of things in the project `plant`, by path parameter. */
const ids: Record<string, string> = {};

beforeAll(async () => {
  plane = await TestControlPlane.start();
  own = await plane.project('plant');
  foreign = await plane.project('foreign');
  const params = { project: 'plant' };
  ids['group'] = (await own.call('groups.create', { params, body: { name: 'line' } })).id;
  const body = { deviceClass: 'x64', group: 'line' };
  const { id, bundle } = await own.call('enrollment.create', { params, body });
  ids['token'] = id;
  ids['device'] = (await requestEnrollment(bundle)).reply.deviceId;
  const artifacts = await makeArtifacts(plane, { project: 'plant' });
  ids['release'] = (await new Publisher(own, 'plant').release('first', artifacts)).id;
  const rollout = { name: 'r', release: 'first', group: 'line' };
  ids['rollout'] = (await own.call('rollouts.create', { params, body: rollout })).id;
});
afterAll(() => plane.close());

const nouns = ['devices.', 'groups.', 'enrollment.', 'releases.', 'rollouts.', 'telemetry.'];
const names = (Object.keys(routes) as RouteName[]).filter((name) => nouns.some((noun) => name.startsWith(noun)));
const parameters = (name: RouteName) => [...routes[name].path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!);

/** Bodies that are valid, so that nothing but the project can be the reason for a refusal. */
function bodyOf(name: RouteName): object | undefined {
  const { release, group } = { release: ids['release']!, group: ids['group']! };
  const bodies: Partial<Record<RouteName, object>> = {
    'devices.update': { name: 'taken over' },
    'devices.reEnroll': {},
    'groups.create': { name: 'new' },
    'enrollment.create': { deviceClass: 'x64' },
    'releases.create': {
      name: 'x',
      artifacts: ['0193d0f0-0000-7000-8000-000000000001'],
      metadata: [{ name: 'timestamp.json', content: '' }],
    },
    'rollouts.create': { name: 'x', release, group },
  };
  return bodies[name];
}

async function statusOf(client: Client, name: RouteName, project: string): Promise<number> {
  const params = { ...ids, project };
  const stop = new AbortController();
  type Loose = (name: RouteName, args: object) => Promise<Response>;
  try {
    const open = client.open as Loose;
    const response = await open(name, { params, body: bodyOf(name), signal: stop.signal });
    return response.status;
  } catch (error) {
    return (error as { status: number }).status;
  } finally {
    stop.abort();
  }
}

describe('a token of another project', () => {
  it.each(names)('cannot call %s', async (name) => {
    const refused = await statusOf(foreign, name, 'plant');
    expect([403, 404]).toContain(refused);
  });

  it.each(names.filter((name) => parameters(name).length > 1))(
    'does not find what %s names through its own project',
    async (name) => {
      expect(await statusOf(foreign, name, 'foreign')).toBe(404);
    },
  );

  it('has changed nothing', async () => {
    const device = await own.call('devices.get', { params: { project: 'plant', device: ids['device']! } });
    expect(device).toMatchObject({ state: 'active', group: 'line' });
    expect(device.name).not.toBe('taken over');
    const rollout = await own.call('rollouts.get', { params: { project: 'plant', rollout: ids['rollout']! } });
    expect(rollout.state).toBe('running');
  });
});
