/** What a device has open ends with its revocation and with its certificate. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { createDeviceRequest, issueDeviceCertificate } from '@verge/trust/identity';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane, until } from '../../test/fleet/control-plane.js';
import { connect, SimulatedDevice } from '../../test/fleet/device.js';
import { openAuthorityFiles } from '../authority/authority-files.js';

let plane: TestControlPlane;
let api: Client;
let digest: string;
const params = { project: 'plant' };
/** So much that a download is not over before the revocation is. */
const modelBytes = 96 * 1024 * 1024;

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  const artifacts = await makeArtifacts(plane, { project: 'plant', modelBytes });
  await new Publisher(plane.api, 'plant').release('first', artifacts);
  digest = artifacts[0]!.modelDigest;
});
afterAll(() => plane.close());

const enroll = async (): Promise<SimulatedDevice> => {
  const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64', maxUses: 1 } });
  return await SimulatedDevice.enroll(bundle, randomBytes(4).toString('hex'));
};

/** Begins a download, reads one chunk, does `meanwhile`, and reads on to the end. */
async function downloadWhile(device: SimulatedDevice, meanwhile: () => Promise<unknown>): Promise<ServiceError> {
  const stream = device.client.download({ digest, offset: 0 }, { deadline: Date.now() + 60_000 });
  const first = new Promise((resolve) => stream.once('data', resolve));
  const end = new Promise<ServiceError>((resolve, reject) => {
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.on('end', () => reject(new Error('the download came to its end')));
  });
  end.catch(() => undefined);
  await first;
  stream.pause();
  await meanwhile();
  stream.resume();
  return await end;
}

describe('a device that is revoked', () => {
  it('loses its watch, and the download that is under way', async () => {
    const device = await enroll();
    device.watch();
    await until('a state', () => device.states.length, Boolean);
    const error = await downloadWhile(device, async () => {
      await api.call('devices.revoke', { params: { ...params, device: device.id } });
      await until('the watch is cut', () => device.watchError, Boolean);
    });
    expect(device.watchError?.code).toBe(status.PERMISSION_DENIED);
    expect(error.code).toBe(status.PERMISSION_DENIED);
    device.stop();
  });

  it('is refused what it asks for afterwards, and that is in the audit of the project', async () => {
    const device = await enroll();
    await api.call('devices.revoke', { params: { ...params, device: device.id } });
    await expect(device.report('idle')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    const { items } = await until(
      'the refusal is written',
      () => api.call('audit.list', { params, query: { outcome: 'refused', actor: device.id } }),
      (page) => page.items.length > 0,
    );
    expect(items[0]).toMatchObject({ action: 'device.report', actor: { kind: 'device', id: device.id } });
    device.stop();
  });
});

describe('a certificate that expires', () => {
  it('ends the streams of its connection at that moment', async () => {
    const device = await enroll();
    device.client.close();
    const { authority } = await openAuthorityFiles(join(plane.dir, 'authority'));
    const request = await createDeviceRequest({ commonName: device.id });
    const { projectId } = await plane.database.device.findUniqueOrThrow({ where: { id: device.id } });
    const days = 5 / 86_400;
    const issued = await issueDeviceCertificate(authority, request.csrPem, {
      deviceId: device.id,
      projectId,
      days,
    });
    await plane.database.deviceCertificate.create({
      data: { serial: issued.serial, deviceId: device.id, fingerprint: 'short', expiresAt: issued.notAfter },
    });
    const identity = {
      ...device.identity,
      certificatePem: issued.certificatePem,
      privateKeyPem: request.privateKeyPem,
    };
    device.client = connect(plane.deviceEndpoint, identity);
    device.watch();
    await until('a state', () => device.states.length, Boolean);
    const error = await until('the watch is cut', () => device.watchError, Boolean);
    expect(error?.code).toBe(status.UNAUTHENTICATED);
    expect(Date.now()).toBeGreaterThanOrEqual(issued.notAfter.getTime());
    device.stop();
  });
});
