import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { createDeviceRequest } from '@verge/trust/identity';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane, until } from '../../test/fleet/control-plane.js';
import { requestEnrollment, SimulatedDevice } from '../../test/fleet/device.js';

const params = { project: 'plant' };
let plane: TestControlPlane;
let api: Client;
const devices: SimulatedDevice[] = [];
beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  await api.call('groups.create', { params, body: { name: 'line' } });
});
afterAll(async () => {
  for (const device of devices) device.stop();
  await plane.close();
});

const tokenOf = async (maxUses = 9) => {
  const body = { deviceClass: 'x64', group: 'line', maxUses };
  return (await api.call('enrollment.create', { params, body })).bundle;
};
async function enrolled(name: string, bundle?: Awaited<ReturnType<typeof tokenOf>>): Promise<SimulatedDevice> {
  const device = (await SimulatedDevice.enroll(bundle ?? (await tokenOf()), name)).watch();
  devices.push(device);
  return device;
}
const remove = (device: string) => api.call('devices.delete', { params: { ...params, device } });
const rowsOf = async (deviceId: string) => {
  const { database } = plane;
  const of = { where: { deviceId } };
  const sums = database.telemetryRollup.count({ where: { scopeId: deviceId } });
  const tables = [database.telemetryRecord.count(of), database.telemetryArrival.count(of), sums];
  return await Promise.all([...tables, database.telemetryPending.count(of), database.telemetryCursor.count(of)]);
};
const sumOfProject = async () => (await api.call('telemetry.totals', { params, query: {} })).requests;

it('cuts its streams at once, takes nothing more of it, and keeps what it added to the sums of others', async () => {
  const device = await enrolled('press');
  const [artifact] = await makeArtifacts(plane, params);
  device.active = artifact!.manifestDigest;
  await device.report('idle');
  await device.serve(30, 2);
  await until(
    'sums',
    () => rowsOf(device.id),
    (rows) => rows[2]! > 0 && rows[3] === 0,
  );
  const before = await sumOfProject();
  expect(before).toBeGreaterThanOrEqual(30);
  // Some of it is not folded yet.
  await device.serve(12, 2);
  await remove(device.id);
  await until(
    'cut',
    () => device.watchError?.code,
    (code) => code !== undefined && code !== null,
  );
  expect([status.UNAUTHENTICATED, status.PERMISSION_DENIED]).toContain(device.watchError!.code);
  await expect(device.serve(1, 2)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  await expect(device.report('idle')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  await until(
    'nothing left',
    () => rowsOf(device.id),
    (rows) => rows.every((count) => count === 0),
  );
  expect(await sumOfProject()).toBe(before + 12);
  await until(
    'no removal left',
    () => plane.database.removal.count(),
    (count) => count === 0,
  );
  const group = await api.call('telemetry.totals', { params, query: { group: 'line' } });
  expect(group.requests).toBe(before + 12);
});

it('enrols again only with a token that was made since', async () => {
  const bundle = await tokenOf();
  const request = await createDeviceRequest({ commonName: 'new device' });
  const { reply } = await requestEnrollment(bundle, { name: 'lathe', request });
  const reEnroll = { params: { ...params, device: reply.deviceId }, body: {} };
  const own = await api.call('devices.reEnroll', reEnroll);
  await remove(reply.deviceId);
  await expect(requestEnrollment(bundle, { name: 'lathe', request })).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('deleted'),
  });
  await expect(requestEnrollment(own.bundle, { request })).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  // Another key is another device, and a new token is a wish to have it back.
  await requestEnrollment(bundle, { name: 'mill' });
  const again = await requestEnrollment(await tokenOf(), { name: 'lathe', request });
  expect(again.reply.deviceId).not.toBe(reply.deviceId);
  const shown = await api.call('devices.get', { params: { ...params, device: again.reply.deviceId } });
  expect([shown.name, shown.state]).toEqual(['lathe', 'active']);
});

it('leaves a running rollout, which goes on without it', async () => {
  const publisher = new Publisher(api, 'plant');
  await api.call('groups.create', { params, body: { name: 'cell' } });
  const body = { deviceClass: 'x64', group: 'cell', maxUses: 3 };
  const { bundle } = await api.call('enrollment.create', { params, body });
  const [first, second] = [await enrolled('cell-1', bundle), await enrolled('cell-2', bundle)];
  // Enrolled, and never there: the rollout would wait for it.
  const { reply: away } = await requestEnrollment(bundle, { name: 'cell-away' });
  const artifacts = await makeArtifacts(plane, params);
  await publisher.release('cells', artifacts);
  const gate = { observeSeconds: 0, minRequests: 0, minReachedFraction: 1 };
  const waves = [{ devices: 3 }];
  const rollout = await api.call('rollouts.create', {
    params,
    body: { name: 'cells', release: 'cells', group: 'cell', gate, waves },
  });
  const of = { params: { ...params, rollout: rollout.id } };
  await until(
    'two of three',
    () => api.call('rollouts.get', of),
    (r) => r.counts.updated === 2,
  );
  expect((await api.call('rollouts.get', of)).state).toBe('running');
  await remove(away.deviceId);
  const over = await until(
    'over',
    () => api.call('rollouts.get', of),
    (r) => r.state === 'succeeded',
  );
  expect(over.waves[0]).toMatchObject({ devices: 2, updated: 2 });
  expect([first.active, second.active]).toEqual([artifacts[0]!.manifestDigest, artifacts[0]!.manifestDigest]);
});
