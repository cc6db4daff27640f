import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane, until } from '../../test/fleet/control-plane.js';
import { SimulatedDevice } from '../../test/fleet/device.js';
import type { ControlPlane } from '../start.js';
import { startControlPlane } from '../start.js';

let plane: TestControlPlane;
let second: ControlPlane;
let api: Client;
const devices: SimulatedDevice[] = [];
const params = { project: 'plant' };

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  // Another control plane on the same database and folder, on ports of its own.
  const { http, grpc } = plane.config;
  second = await startControlPlane({
    ...plane.config,
    http: { ...http, port: 0 },
    grpc: { ...grpc, port: 0, enrollPort: 0 },
  });
});
afterAll(async () => {
  for (const device of devices) device.stop();
  await second.close();
  await plane.close();
});

/** A device that is enrolled at one control plane and watches at the other. */
async function watching(group: string | null = null): Promise<SimulatedDevice> {
  const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64', group } });
  const device = await SimulatedDevice.enroll(bundle, '', `localhost:${second.grpcPort}`);
  devices.push(device.watch());
  await until(
    'the first state',
    () => device.states.length,
    (n) => n > 0,
  );
  return device;
}
const view = (device: SimulatedDevice) => api.call('devices.get', { params: { ...params, device: device.id } });

describe('a device that watches at another control plane', () => {
  it('is online while its stream is open, and offline when it has gone', async () => {
    const device = await watching();
    await until(
      'online',
      () => view(device),
      (v) => v.online,
    );
    device.stop();
    const gone = await until(
      'offline',
      () => view(device),
      (v) => !v.online,
    );
    expect(gone.lastSeenAt).not.toBeNull();
  });

  it('hears at once what it is to run', async () => {
    await api.call('groups.create', { params, body: { name: 'line' } });
    const device = await watching('line');
    const artifacts = await makeArtifacts(plane, { project: 'plant' });
    await new Publisher(api, 'plant').release('first', artifacts);
    const gate = { observeSeconds: 0, minRequests: 0 };
    const body = { name: 'first', release: 'first', group: 'line', gate };
    const { id } = await api.call('rollouts.create', { params, body });
    const rollout = { params: { ...params, rollout: id } };
    await until(
      'success',
      () => api.call('rollouts.get', rollout),
      (r) => r.state === 'succeeded',
    );
    expect(device.active).toBe(artifacts[0]!.manifestDigest);
    expect(device.states.at(-1)?.target).toMatchObject({ model: 'digits', version: 1, rolloutId: id });
  });

  it('is cut when it is revoked', async () => {
    const device = await watching();
    await api.call('devices.revoke', { params: { ...params, device: device.id } });
    await until(
      'the cut',
      () => device.watchError?.code,
      (code) => code === status.PERMISSION_DENIED,
    );
    await expect(device.report('idle')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });
});
