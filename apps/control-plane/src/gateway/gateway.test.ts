import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProjectEvent, routes, routeUrl, type Client, type EnrollmentBundle } from '@verge/contracts';
import { createAuthority, createDeviceRequest, issueDeviceCertificate } from '@verge/trust/identity';
import { RepositoryClient, verifyBoth } from '@verge/trust/verify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEvents } from '../../test/events.js';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane, until } from '../../test/fleet/control-plane.js';
import { connect, deadline, requestEnrollment, sha256, SimulatedDevice } from '../../test/fleet/device.js';
import { openAuthorityFiles } from '../authority/authority-files.js';

let plane: TestControlPlane;
let api: Client;
let other: Client;
let publisher: Publisher;
const devices: SimulatedDevice[] = [];
const params = { project: 'plant' };

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  other = await plane.project('foreign');
  publisher = new Publisher(api, 'plant');
});
afterAll(async () => {
  for (const device of devices) device.stop();
  await plane.close();
});

type TokenOptions = { maxUses?: number; group?: string; deviceClass?: string };
async function bundle(options: TokenOptions = {}, client = api, project = 'plant'): Promise<EnrollmentBundle> {
  const body = { deviceClass: 'x64', ...options };
  return (await client.call('enrollment.create', { params: { project }, body })).bundle;
}
async function enrolled(name = '', of?: EnrollmentBundle): Promise<SimulatedDevice> {
  const device = await SimulatedDevice.enroll(of ?? (await bundle()), name);
  devices.push(device);
  return device;
}
const refusal = (code: number, details: unknown = expect.anything()) => expect.objectContaining({ code, details });

describe('enrolment', () => {
  it('makes a device of the class and group of the token, known to REST and audited', async () => {
    await api.call('groups.create', { params, body: { name: 'line-1' } });
    const device = await enrolled('press', await bundle({ group: 'line-1' }));
    const view = await api.call('devices.get', { params: { ...params, device: device.id } });
    expect(view).toMatchObject({ name: 'press', deviceClass: 'x64', group: 'line-1', state: 'active', online: false });
    expect(view.facts).toEqual({ arch: 'x64', cores: '2' });
    expect(Date.parse(view.certificateExpiresAt)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    const audit = await plane.api.call('audit.list', { params, query: { action: 'device.enroll' } });
    expect(audit.items[0]).toMatchObject({ actor: { kind: 'device', id: device.id }, subject: { name: 'press' } });
    const history = await api.call('devices.events', { params: { ...params, device: device.id } });
    expect(history.items.map((event) => event.kind)).toEqual(['enrolled']);
  });

  it('answers the same token and key with the same device, and counts it once', async () => {
    const token = await bundle({ maxUses: 1 });
    const request = await createDeviceRequest({ commonName: 'd' });
    const [first, again] = [
      await requestEnrollment(token, { request }),
      await requestEnrollment(token, { request, name: 'other' }),
    ];
    expect(again.reply.deviceId).toBe(first.reply.deviceId);
    expect(again.reply.certificateChainPem).not.toBe(first.reply.certificateChainPem);
    await expect(requestEnrollment(token)).rejects.toEqual(
      refusal(status.PERMISSION_DENIED, 'the enrolment token has been used as often as it may be'),
    );
  });

  it('never makes more devices than the token allows, also when they come together', async () => {
    const token = await bundle({ maxUses: 2 });
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => requestEnrollment(token)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(2);
  });

  it('refuses tokens that are expired, revoked, unknown, or for another class', async () => {
    const expired = await bundle();
    await plane.database.enrollmentToken.updateMany({ where: { uses: 0 }, data: { expiresAt: new Date(0) } });
    await expect(requestEnrollment(expired)).rejects.toEqual(
      refusal(status.PERMISSION_DENIED, 'the enrolment token has expired'),
    );
    const made = await api.call('enrollment.create', { params, body: { deviceClass: 'x64' } });
    await api.call('enrollment.revoke', { params: { ...params, token: made.id } });
    await expect(requestEnrollment(made.bundle)).rejects.toEqual(
      refusal(status.PERMISSION_DENIED, 'the enrolment token was revoked'),
    );
    const unknown = { ...expired, token: 'vge_0000000000000000000000' };
    await expect(requestEnrollment(unknown)).rejects.toEqual(refusal(status.UNAUTHENTICATED));
    await expect(requestEnrollment(await bundle(), { deviceClass: 'arm64' })).rejects.toEqual(
      refusal(status.INVALID_ARGUMENT, 'device_class: the token is for devices of class x64'),
    );
  });

  it('names every bad field, and refuses a request that proves nothing', async () => {
    const token = await bundle();
    const bad = { name: 'a\nb', deviceClass: 'X', request: { privateKeyPem: '', csrPem: '' } };
    await expect(requestEnrollment(token, bad)).rejects.toEqual(
      refusal(status.INVALID_ARGUMENT, expect.stringMatching(/^csr_der: .*; name: .*; device_class: /)),
    );
    const nonsense = { request: { privateKeyPem: '', csrPem: Buffer.from('nonsense').toString('base64') } };
    await expect(requestEnrollment(token, nonsense)).rejects.toEqual(
      refusal(status.INVALID_ARGUMENT, expect.stringMatching(/^csr_der: request-malformed/)),
    );
  });

  it('gives a second device of the same name another one', async () => {
    await enrolled('twin');
    const second = await enrolled('twin');
    const view = await api.call('devices.get', { params: { ...params, device: second.id } });
    expect(view.name).toMatch(/^twin-[0-9a-f]{8}$/);
  });
});

describe('who may call', () => {
  const rejected = async (client: ReturnType<typeof connect>): Promise<ServiceError> => {
    try {
      return await new Promise((resolve, reject) =>
        client.report({ updateState: 'idle' }, deadline(), (error) =>
          error ? resolve(error) : reject(new Error('no')),
        ),
      );
    } finally {
      client.close();
    }
  };

  it('not without a certificate, nor with one of another authority', async () => {
    const { identity } = await enrolled();
    const { authorityPem } = identity;
    expect((await rejected(connect(plane.deviceEndpoint, { authorityPem }))).code).toBe(status.UNAVAILABLE);
    const request = await createDeviceRequest({ commonName: 'd' });
    const stranger = await createAuthority({ commonName: 'Verge device authority' });
    const { certificatePem } = await issueDeviceCertificate(stranger, request.csrPem, {
      deviceId: 'd',
      projectId: 'p',
    });
    const foreign = { authorityPem, certificatePem, privateKeyPem: request.privateKeyPem };
    expect((await rejected(connect(plane.deviceEndpoint, foreign))).code).toBe(status.UNAVAILABLE);
  });

  it('not with a certificate that has expired, nor one that was never recorded', async () => {
    const device = await enrolled();
    const { authority } = await openAuthorityFiles(join(plane.dir, 'authority'));
    const request = await createDeviceRequest({ commonName: 'd' });
    const who = { deviceId: device.id, projectId: device.enrolled.projectId };
    const { authorityPem } = device.identity;
    const with_ = (certificatePem: string) =>
      connect(plane.deviceEndpoint, { authorityPem, certificatePem, privateKeyPem: request.privateKeyPem });
    const past = { now: new Date(Date.now() - 2 * 86_400_000), days: 1 };
    const expired = await issueDeviceCertificate(authority, request.csrPem, { ...who, ...past });
    expect((await rejected(with_(expired.certificatePem))).code).toBe(status.UNAVAILABLE);
    const unrecorded = await issueDeviceCertificate(authority, request.csrPem, who);
    expect((await rejected(with_(unrecorded.certificatePem))).code).toBe(status.UNAUTHENTICATED);
    const elsewhere = {
      ...who,
      projectId: (await plane.database.project.findUniqueOrThrow({ where: { slug: 'foreign' } })).id,
    };
    const moved = await issueDeviceCertificate(authority, request.csrPem, elsewhere);
    await plane.database.deviceCertificate.create({
      data: { serial: moved.serial, deviceId: device.id, fingerprint: '', expiresAt: moved.notAfter },
    });
    expect((await rejected(with_(moved.certificatePem))).code).toBe(status.UNAUTHENTICATED);
  });

  it('not once revoked: a live stream is cut and the next call refused', async () => {
    const device = (await enrolled()).watch();
    await until(
      'online',
      () => device.states.length,
      (n) => n === 1,
    );
    const at = { params: { ...params, device: device.id } };
    await until(
      'online',
      () => api.call('devices.get', at),
      (view) => view.online,
    );
    await api.call('devices.revoke', at);
    await until(
      'cut',
      () => device.watchError?.code,
      (code) => code === status.PERMISSION_DENIED,
    );
    await expect(device.report('idle')).rejects.toEqual(refusal(status.PERMISSION_DENIED));
    await expect(device.metadata('DIRECTOR', 'timestamp.json')).rejects.toEqual(refusal(status.PERMISSION_DENIED));
    expect(await api.call('devices.get', at)).toMatchObject({ state: 'revoked', online: false });
  });

  it('renews a certificate for the same device, and the new one works', async () => {
    const device = await enrolled();
    const request = await createDeviceRequest({ commonName: 'again' });
    const csrDer = Buffer.from(request.csrPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    const certificatePem = await new Promise<string>((resolve, reject) =>
      device.client.renew({ csrDer }, deadline(), (error, reply) =>
        error ? reject(error) : resolve(reply!.certificateChainPem),
      ),
    );
    const { authorityPem } = device.identity;
    const renewed = connect(plane.deviceEndpoint, {
      authorityPem,
      certificatePem,
      privateKeyPem: request.privateKeyPem,
    });
    await new Promise<void>((resolve, reject) =>
      renewed.report({ updateState: 'idle' }, deadline(), (error) => (error ? reject(error) : resolve())),
    );
    renewed.close();
  });
});

describe('reports', () => {
  it('name every bad field', async () => {
    const device = await enrolled();
    const bad = { activeDigest: 'x', rolloutId: 'y', errorCode: 'a b', facts: { 'bad name': '' } };
    await expect(device.report('idle', undefined, bad)).rejects.toEqual(
      refusal(
        status.INVALID_ARGUMENT,
        expect.stringMatching(/active_digest: .*rollout_id: .*error_code: .*facts\["bad name"\]/),
      ),
    );
  });

  it('are what REST shows, with a history of what changed', async () => {
    const device = await enrolled();
    device.active = `sha256:${'1'.repeat(64)}`;
    await device.report('idle', undefined, { spoolRecords: 3, spoolDropped: 1 });
    const view = await api.call('devices.get', { params: { ...params, device: device.id } });
    expect(view).toMatchObject({ updateState: 'idle', rssBytes: 100_000_000, spoolRecords: 3, spoolDropped: 1 });
    expect(view.active).toEqual({ id: null, model: null, version: null, manifestDigest: device.active });
    await device.report('failed', undefined, { errorCode: 'DISK_FULL', errorMessage: 'no room' });
    await device.report('idle');
    const failed = await api.call('devices.get', { params: { ...params, device: device.id } });
    expect(failed.error).toEqual({ code: 'DISK_FULL', message: 'no room' });
    const history = await api.call('devices.events', { params: { ...params, device: device.id } });
    expect(history.items.map((event) => event.kind)).toEqual(['update.failed', 'active', 'enrolled']);
  });

  it('are told of as routine where they say what was known', async () => {
    const device = await enrolled();
    const { token } = await plane.api.call('tokens.create', {
      body: { name: 'reader', project: 'plant', role: 'viewer' },
    });
    const feed = readEvents(plane.api.baseUrl + routeUrl(routes['events.stream'], params), token);
    const told = (): unknown[] =>
      feed.events.flatMap(({ data }) => {
        const event = ProjectEvent.parse(data);
        return event.id === device.id ? [event.routine ?? false] : [];
      });
    let cores = 2;
    const change = async (): Promise<unknown[]> => {
      await device.report('idle', undefined, { facts: { arch: 'x64', cores: String(++cores) } });
      return told();
    };
    await until('the feed is open', change, (events) => events.length > 0);
    const facts = { arch: 'x64', cores: String(cores) };
    // Events are gathered for a moment: the last one of these comes.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = told().length;
    expect(new Set(told())).toEqual(new Set([false]));
    const reports = [{ facts }, { facts, rssBytes: 5 }, {}, { facts: { ...facts, degraded: 'hot' } }];
    for (const [i, more] of reports.entries()) {
      await device.report('idle', undefined, more);
      await until('it is told', told, (events) => events.length > before + i);
    }
    feed.close();
    expect(told().slice(before)).toEqual([true, true, true, false]);
  });
});

describe('downloads', () => {
  it('go on where a broken one stopped, and give the signed bytes', async () => {
    const [artifact] = await makeArtifacts(plane, { project: 'plant', modelBytes: 5_000_000 });
    await publisher.release('big', [artifact!]);
    const device = await enrolled();
    const first = await device.download(artifact!.modelDigest, 0, 2_000_000);
    expect(first.total).toBe(5_000_000);
    expect(Math.max(...first.chunks)).toBeLessThanOrEqual(1024 * 1024);
    device.client.close();
    device.client = connect(device.endpoint, device.identity);
    const rest = await device.download(artifact!.modelDigest, first.bytes.length);
    const whole = Buffer.concat([first.bytes, rest.bytes]);
    expect(whole.length).toBe(5_000_000);
    expect(sha256(whole)).toBe(artifact!.modelDigest);
    expect(sha256((await device.download(artifact!.manifestDigest)).bytes)).toBe(artifact!.manifestDigest);
    const end = await device.download(artifact!.modelDigest, 5_000_000);
    expect([end.bytes.length, end.total]).toEqual([0, 5_000_000]);
  });

  it('are refused for blobs of other projects, of artifacts without a release, and for bad questions', async () => {
    const theirs = (await makeArtifacts(plane, { project: 'foreign' }))[0]!;
    await new Publisher(other, 'foreign').release('theirs', [theirs]);
    const unreleased = (await makeArtifacts(plane, { project: 'plant' }))[0]!;
    const device = await enrolled();
    for (const digest of [theirs.modelDigest, theirs.manifestDigest, unreleased.modelDigest])
      await expect(device.download(digest)).rejects.toEqual(refusal(status.NOT_FOUND));
    await expect(device.download('sha256:abc')).rejects.toEqual(refusal(status.INVALID_ARGUMENT));
    const stranger = await enrolled('', await bundle({}, other, 'foreign'));
    expect(sha256((await stranger.download(theirs.modelDigest)).bytes)).toBe(theirs.modelDigest);
    await expect(stranger.metadata('RELEASE', '9.targets.json')).rejects.toEqual(refusal(status.NOT_FOUND));
    await expect(stranger.metadata('RELEASE', '../1.root.json')).rejects.toEqual(refusal(status.INVALID_ARGUMENT));
  });
});

describe('metadata', () => {
  it('of both repositories agrees about what a device is to run', async () => {
    const [artifact] = await makeArtifacts(plane, { project: 'plant' });
    await publisher.release('both', [artifact!]);
    const device = await enrolled();
    const desire = (desiredArtifactId: string | null) =>
      plane.database.device.update({
        where: { id: device.id },
        data: { desiredArtifactId, generation: { increment: 1 } },
      });
    const dir = await mkdtemp(join(tmpdir(), 'verge-device-'));
    const open = (repository: 'RELEASE' | 'DIRECTOR', trustedRoot: Uint8Array) =>
      RepositoryClient.open({
        dir: join(dir, repository),
        trustedRoot,
        fetch: (name) =>
          device.metadata(repository, name).catch((error: ServiceError) => {
            if (error.code === status.NOT_FOUND) return null;
            throw error;
          }),
      });
    const release = await open('RELEASE', publisher.root);
    const director = await open('DIRECTOR', device.enrolled.directorRoot);
    await release.refresh();
    expect(await director.refresh()).toMatchObject({ root: 1, timestamp: 1, targets: 1 });
    expect(await director.targets()).toEqual([]);
    expect(await director.refresh()).toMatchObject({ timestamp: 1 });
    await desire(artifact!.id);
    expect(await director.refresh()).toMatchObject({ timestamp: 2, targets: 2 });
    const { path, sha256: digest } = artifact!.target;
    const agreed = await verifyBoth({ release, director, deviceId: device.id, path });
    expect(agreed.sha256).toBe(digest);
    // Past half of its life it is made anew; the version grows, the content stays.
    await plane.database.directorMetadata.updateMany({
      where: { deviceId: device.id },
      data: { expiresAt: new Date(Date.now() + 3_600_000) },
    });
    expect(await director.refresh()).toMatchObject({ timestamp: 3, targets: 3 });
    expect((await director.targets()).map((target) => target.path)).toEqual([path]);
    await rm(dir, { recursive: true, force: true });
  });
});
