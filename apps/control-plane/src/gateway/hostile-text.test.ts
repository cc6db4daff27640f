/** Text that devices send: every string of every message that a device writes, filled with what must not be shown. */
import { status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textProblem, type Client, type EnrollmentBundle } from '@verge/contracts';
import type { StatusReport } from '@verge/contracts/grpc';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { deadline, requestEnrollment, SimulatedDevice } from '../../test/fleet/device.js';

const hostile = ['a\0b', 'a\ud800b', '\u001b]0;owned\u0007', '\u202egnp', 'a\u009bb', 'a\nb', 'x'.repeat(100_000)];

/** protobuf writes a lone surrogate as U+FFFD, which is a character. */
const arriving = hostile.filter((text) => !/\p{Cs}/u.test(text));

let plane: TestControlPlane;
let api: Client;
let bundle: EnrollmentBundle;
let device: SimulatedDevice;
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  bundle = (await api.call('enrollment.create', { params, body: { deviceClass: 'x64', maxUses: 100 } })).bundle;
  device = await SimulatedDevice.enroll(bundle, 'press');
});
afterAll(async () => {
  device.stop();
  await plane.close();
});

/** A report with every field, so that a field that is added must be added here. */
const report: Required<StatusReport> = {
  atMs: 1,
  generation: 0,
  updateState: 'failed',
  activeDigest: '',
  targetDigest: '',
  rolloutId: '',
  errorCode: 'DISK_FULL',
  errorMessage: 'full',
  progressBytes: 0,
  totalBytes: 0,
  facts: { cpu: 'a cpu' },
  rssBytes: 0,
  spoolRecords: 0,
  spoolDropped: 0,
};

const outcome = (message: StatusReport): Promise<number> =>
  new Promise((resolve) =>
    device.client.report(message, deadline(), (error: ServiceError | null) => resolve(error?.code ?? status.OK)),
  );

/** Every string in what people are shown of the fleet. */
async function shown(): Promise<string[]> {
  const devices = await api.call('devices.list', { params });
  const one = { ...params, device: device.id };
  const history = await api.call('devices.events', { params: one });
  const strings: string[] = [];
  JSON.stringify([devices, history], (key, value: unknown) => {
    strings.push(key, ...(typeof value === 'string' ? [value] : []));
    return value;
  });
  return strings;
}

describe('what a device says', () => {
  it('is refused or made visible in its reports', async () => {
    const texts = (Object.keys(report) as (keyof StatusReport)[]).filter((key) => typeof report[key] === 'string');
    for (const value of hostile) {
      for (const key of texts)
        expect([status.OK, status.INVALID_ARGUMENT]).toContain(await outcome({ ...report, [key]: value }));
      for (const facts of [{ cpu: value }, { [value]: 'x' }])
        expect([status.OK, status.INVALID_ARGUMENT]).toContain(await outcome({ ...report, facts }));
    }
    expect((await shown()).filter((text) => textProblem(text) !== null)).toEqual([]);
  });

  it('of a failure is not lost for a character in it', async () => {
    expect(await outcome({ ...report, errorMessage: 'no \u001b[31mspace\0', facts: { cpu: 'ARM\0' } })).toBe(status.OK);
    const { error, facts } = await api.call('devices.get', { params: { ...params, device: device.id } });
    expect(error?.message).toBe('no \\u{1b}[31mspace\\u{0}');
    expect(facts['cpu']).toBe('ARM\\u{0}');
  });

  it('is refused as the name of a device', async () => {
    for (const name of arriving) {
      await expect(requestEnrollment(bundle, { name })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
  });

  it('is refused in telemetry', async () => {
    for (const name of arriving) {
      const feature = { name, count: 1, mean: 0, m2: 0, min: 0, max: 0, sketch: Buffer.alloc(0) };
      const record = {
        ...device.record({ requests: 1, latencyMs: 1, digest: `sha256:${'0'.repeat(64)}` }),
        features: [feature],
      };
      await expect(device.push([record])).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
      await expect(device.push([{ ...record, artifactDigest: name }])).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
      await expect(device.push([record], 0, name as typeof device.spoolId)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
      await expect(device.metadata('DIRECTOR', name)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
      await expect(device.download(name)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
  });
});
