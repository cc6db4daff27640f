import type { Client } from '@verge/contracts';
import { initRepository, updateTargets } from '@verge/trust/publish';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { expiryAlarm } from './expiry.js';

const dayMs = 86_400_000;

describe('when something is an alarm', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const at = (subject: string, days: number) =>
    expiryAlarm(
      {
        code: 'RELEASE_METADATA_EXPIRES',
        subject,
        expiresAt: new Date(now.getTime() + days * dayMs),
        advice: 'renew it',
      },
      now,
    );

  it('depends on what it is, and says how long is left', () => {
    expect(at('timestamp', 11)).toBeNull();
    expect(at('root', 121)).toBeNull();
    expect(at('timestamp', 9.5)?.message).toBe('timestamp expires in 9 days; renew it');
    expect(at('root', 100)?.message).toBe('root expires in 100 days; renew it');
    expect(at('timestamp', 0.4)?.message).toBe('timestamp expires today; renew it');
    expect(at('timestamp', -3.5)).toEqual({
      code: 'RELEASE_METADATA_EXPIRES',
      subject: 'timestamp',
      expiresAt: '2025-12-28T12:00:00.000Z',
      message: 'timestamp expired 3 days ago; renew it',
    });
  });
});

describe('alarms of a project', () => {
  let plane: TestControlPlane;
  let api: Client;
  const params = { project: 'plant' };
  const alarms = async () => (await api.call('overview.get', { params })).alarms;
  beforeAll(async () => {
    plane = await TestControlPlane.start();
    api = await plane.project('plant');
    await plane.project('other');
  });
  afterAll(() => plane.close());

  it('name what expires and what was withdrawn and runs, the most urgent first, here and nowhere else', async () => {
    expect(await alarms()).toEqual([]);
    const publisher = new Publisher(api, 'plant');
    const key = publisher.key;
    const [artifact] = await makeArtifacts(plane, { project: 'plant' });
    // Signed 22 days ago for thirty.
    const files = initRepository({
      keys: { root: [key], targets: [key], snapshot: [key], timestamp: [key] },
      targets: [artifact!.target],
      now: new Date(Date.now() - 22 * dayMs),
    });
    await publisher.publish(() => files);
    const { id: projectId } = await plane.database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
    const device = { projectId, deviceClass: 'x64', activeDigest: artifact!.manifestDigest };
    await plane.database.device.createMany({
      data: [
        { ...device, name: 'a', certificateExpiresAt: new Date(Date.now() - 2.5 * dayMs) },
        { ...device, name: 'b', certificateExpiresAt: new Date(Date.now() + 5 * dayMs) },
        { ...device, name: 'c', certificateExpiresAt: new Date(Date.now() + 25 * dayMs) },
        { ...device, name: 'd', certificateExpiresAt: new Date(0), state: 'revoked' },
      ],
    });
    expect(await alarms()).toMatchObject([
      {
        code: 'DEVICE_CERTIFICATES_EXPIRE',
        message: expect.stringMatching(/^2 device certificates.* expired 2 days ago/),
      },
      { code: 'RELEASE_METADATA_EXPIRES', subject: 'timestamp', message: expect.stringMatching(/in 7 days/) },
    ]);
    await publisher.publish((previous, keys) =>
      updateTargets({ previous, keys, withdraw: [{ path: artifact!.target.path, reason: 'wet' }] }),
    );
    expect(await alarms()).toMatchObject([
      { code: 'DEVICE_CERTIFICATES_EXPIRE' },
      { code: 'WITHDRAWN_RUNS', expiresAt: null, message: expect.stringMatching(/^3 devices run .*: wet$/) },
    ]);
    const other = await plane.api.call('overview.get', { params: { project: 'other' } });
    expect(other.alarms).toEqual([]);
  });

  it('have metrics that say when each thing expires', async () => {
    const text = await (await fetch(`${plane.api.baseUrl}/metrics`)).text();
    const line = (labels: string) =>
      new RegExp(`^verge_expiry_timestamp_seconds\\{${labels}\\} (\\d+)$`, 'm').exec(text);
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
      const found = line(`code="RELEASE_METADATA_EXPIRES",subject="${role}",project="plant"`);
      expect(Number(found?.[1]) * 1000, role).toBeGreaterThan(Date.now());
    }
    for (const code of ['DIRECTOR_ROOT_EXPIRES', 'AUTHORITY_EXPIRES', 'SERVER_CERTIFICATE_EXPIRES']) {
      expect(Number(line(`code="${code}",subject="[a-z ]+"`)?.[1]) * 1000, code).toBeGreaterThan(Date.now());
    }
    expect(line('code="DEVICE_CERTIFICATES_EXPIRE",subject="soonest",project="plant"')).not.toBeNull();
  });
});
