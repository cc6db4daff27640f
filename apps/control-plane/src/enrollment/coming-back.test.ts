/** Devices that come back after weeks, months and longer: renewal in the grace period, and enrolling again. */
import { join } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import { credentials, status } from '@grpc/grpc-js';
import type { Client } from '@verge/contracts';
import { EnrollmentClient } from '@verge/contracts/grpc';
import type { Authority } from '@verge/trust/identity';
import {
  certificateFingerprint,
  createAuthority,
  createDeviceRequest,
  issueDeviceCertificate,
  readDeviceIdentity,
} from '@verge/trust/identity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { connect, deadline, derOf, requestEnrollment, SimulatedDevice } from '../../test/fleet/device.js';
import { openAuthorityFiles } from '../authority/authority-files.js';
import { graceRefusal } from './renew-expired.js';

const dayMs = 86_400_000;
const params = { project: 'plant' };
let plane: TestControlPlane;
let api: Client;
let authority: Authority;
beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  ({ authority } = await openAuthorityFiles(join(plane.dir, 'authority')));
});
afterAll(() => plane.close());

const enroll = async (name: string): Promise<SimulatedDevice> => {
  const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64' } });
  return SimulatedDevice.enroll(bundle, name);
};

/** The device's certificate as it would be, had the device gone offline on the day it was issued, so many days ago. */
async function off(device: SimulatedDevice, days: number): Promise<string> {
  const { privateKeyPem } = device.identity;
  const { csrPem } = await createDeviceRequest({ commonName: 'd', privateKeyPem });
  const now = new Date(Date.now() - days * dayMs);
  const who = { deviceId: device.id, projectId: device.enrolled.projectId, now };
  const { certificatePem, serial, notAfter } = await issueDeviceCertificate(authority, csrPem, who);
  await plane.database.deviceCertificate.updateMany({
    where: { deviceId: device.id },
    data: { issuedAt: new Date(now.getTime() - dayMs) },
  });
  const fingerprint = certificateFingerprint(certificatePem);
  await plane.database.deviceCertificate.create({
    data: { serial, deviceId: device.id, fingerprint, issuedAt: now, expiresAt: notAfter },
  });
  return certificatePem;
}

async function renew(certificatePem: string, privateKeyPem: string): Promise<string> {
  const { csrPem } = await createDeviceRequest({ commonName: 'd', privateKeyPem });
  const tls = credentials.createSsl(Buffer.from(authority.certificatePem));
  const client = new EnrollmentClient(`localhost:${plane.config.grpc.enrollPort}`, tls);
  const request = { certificateDer: derOf(certificatePem), csrDer: derOf(csrPem) };
  try {
    return await new Promise((resolve, reject) =>
      client.renewExpired(request, deadline(), (error, reply) =>
        error ? reject(error) : resolve(reply!.certificateChainPem),
      ),
    );
  } finally {
    client.close();
  }
}

/** Whether the device is let in with a certificate: null, or why not. */
async function letIn(device: SimulatedDevice, certificatePem: string): Promise<ServiceError | null> {
  const client = connect(plane.deviceEndpoint, { ...device.identity, certificatePem });
  try {
    return await new Promise((resolve) =>
      client.report({ updateState: 'idle' }, deadline(), (error) => resolve(error)),
    );
  } finally {
    client.close();
  }
}

const refusal = (code: status, details: RegExp) =>
  expect.objectContaining({ code, details: expect.stringMatching(details) });

describe('a device that was off', () => {
  it.each([20, 40, 200])('for %i days renews with the same key and is let in', async (days) => {
    const device = await enroll(`off-${days}`);
    const old = await off(device, days);
    const expired = readDeviceIdentity(old).notAfter.getTime() < Date.now();
    expect(expired).toBe(days > 30);
    if (expired) expect((await letIn(device, old))?.code).toBe(status.UNAVAILABLE);
    const fresh = await renew(old, device.identity.privateKeyPem);
    expect(readDeviceIdentity(fresh)).toMatchObject({ deviceId: device.id });
    expect(await letIn(device, fresh)).toBeNull();
    const { items } = await plane.api.call('audit.list', { params, query: { action: 'device.renew-expired' } });
    expect(items[0]).toMatchObject({ outcome: 'success', subject: { name: `off-${days}` } });
    const history = await api.call('devices.events', { params: { ...params, device: device.id } });
    expect(history.items[0]?.kind).toBe('certificate.renewed');
  });

  it('is refused once the grace period is over, when it was revoked, and when it has gone on since; audited', async () => {
    const [late, revoked, ahead] = [await enroll('late'), await enroll('revoked'), await enroll('ahead')];
    const tries: [SimulatedDevice, string, RegExp][] = [
      [late, await off(late, 30 + 366), /grace period is 365 days/],
      [revoked, await off(revoked, 40), /the device was revoked/],
      [ahead, await off(ahead, 40), /has used a newer certificate/],
    ];
    await api.call('devices.revoke', { params: { ...params, device: revoked.id } });
    const newer = await renew(tries[2]![1], ahead.identity.privateKeyPem);
    expect(await letIn(ahead, newer)).toBeNull();
    for (const [device, certificate, why] of tries) {
      const answer = renew(certificate, device.identity.privateKeyPem);
      await expect(answer).rejects.toEqual(refusal(status.PERMISSION_DENIED, why));
      const { items } = await plane.api.call('audit.list', { params, query: { action: 'device.renew-expired' } });
      expect(items[0]).toMatchObject({ outcome: 'refused', subject: { id: device.id } });
    }
  });

  it('is refused without the key, with a certificate of another authority, and with nonsense', async () => {
    const device = await enroll('attacked');
    const old = await off(device, 40);
    const { privateKeyPem, csrPem } = await createDeviceRequest({ commonName: 'd' });
    await expect(renew(old, privateKeyPem)).rejects.toEqual(refusal(status.UNAUTHENTICATED, /not signed by the key/));
    const stranger = await createAuthority({ commonName: 'Verge device authority' });
    const who = { deviceId: device.id, projectId: device.enrolled.projectId };
    const foreign = await issueDeviceCertificate(stranger, csrPem, who);
    await expect(renew(foreign.certificatePem, privateKeyPem)).rejects.toEqual(
      refusal(status.UNAUTHENTICATED, /^certificate-foreign/),
    );
    // Issued by us, and never recorded.
    const unrecorded = await issueDeviceCertificate(authority, csrPem, who);
    await expect(renew(unrecorded.certificatePem, privateKeyPem)).rejects.toEqual(
      refusal(status.UNAUTHENTICATED, /not known/),
    );
    await expect(renew('', privateKeyPem)).rejects.toEqual(refusal(status.INVALID_ARGUMENT, /^certificate_der: /));
    await expect(renew('abcd', privateKeyPem)).rejects.toEqual(
      refusal(status.UNAUTHENTICATED, /^certificate-malformed/),
    );
  });

  it('has a grace period that ends to the second', () => {
    const notAfter = new Date('2026-01-31T00:00:00Z');
    const facts = { state: 'active', revoked: false, overtaken: false, notAfter };
    const at = (ms: number) => graceRefusal(facts, 10, new Date(notAfter.getTime() + 10 * dayMs + ms));
    expect(at(0)).toBeNull();
    expect(at(1)).toMatch(/grace period/);
    expect(graceRefusal({ ...facts, revoked: true }, 10, notAfter)).toMatch(/revoked/);
  });
});

describe('enrolling again', () => {
  const token = async (device: SimulatedDevice, allowNewKey = false) =>
    (await api.call('devices.reEnroll', { params: { ...params, device: device.id }, body: { allowNewKey } })).bundle;

  it('keeps the device, with its own key', async () => {
    const device = await enroll('again');
    const bundle = await token(device);
    expect(bundle.deviceId).toBe(device.id);
    const { privateKeyPem } = device.identity;
    const request = await createDeviceRequest({ commonName: 'd', privateKeyPem });
    const { reply } = await requestEnrollment(bundle, { request });
    expect(reply).toMatchObject({ deviceId: device.id, name: 'again' });
    expect(await letIn(device, reply.certificateChainPem)).toBeNull();
    // A lost reply: the same again.
    expect((await requestEnrollment(bundle, { request })).reply.deviceId).toBe(device.id);
    const { items } = await plane.api.call('audit.list', { params, query: { action: 'device.re-enroll' } });
    expect(items).toMatchObject([{ subject: { id: device.id }, detail: { newKey: false } }]);
  });

  it('takes a new key only where an operator allows it, and then lets the old one in no more', async () => {
    const device = await enroll('new-disk');
    await expect(requestEnrollment(await token(device))).rejects.toEqual(
      refusal(status.PERMISSION_DENIED, /another key needs a token that allows it/),
    );
    const allowed = await token(device, true);
    const { reply, privateKeyPem } = await requestEnrollment(allowed);
    expect(reply.deviceId).toBe(device.id);
    await expect(requestEnrollment(allowed)).rejects.toEqual(refusal(status.PERMISSION_DENIED, /as often as it may/));
    const { certificatePem, authorityPem } = device.identity;
    expect((await letIn(device, certificatePem))?.code).toBe(status.PERMISSION_DENIED);
    const client = connect(plane.deviceEndpoint, {
      authorityPem,
      privateKeyPem,
      certificatePem: reply.certificateChainPem,
    });
    const error = await new Promise((resolve) => client.report({ updateState: 'idle' }, deadline(), resolve));
    client.close();
    expect(error).toBeNull();
    // The lost disk turns up again, with a token that somebody made for it.
    const old = await createDeviceRequest({ commonName: 'd', privateKeyPem: device.identity.privateKeyPem });
    await expect(requestEnrollment(await token(device), { request: old })).rejects.toEqual(
      refusal(status.PERMISSION_DENIED, /another key/),
    );
  });

  it('is refused for a revoked device, when the token is made and when it is used', async () => {
    const device = await enroll('gone');
    const bundle = await token(device, true);
    await api.call('devices.revoke', { params: { ...params, device: device.id } });
    await expect(requestEnrollment(bundle)).rejects.toEqual(refusal(status.PERMISSION_DENIED, /revoked/));
    await expect(token(device)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
