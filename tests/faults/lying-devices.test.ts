/** Devices that lie, or whose clocks are wrong, among ones that do not: what they say is set aside, and nothing breaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import type { TelemetryRecord } from '@verge/contracts/grpc';
import { createSketch, encodeSketch } from '@verge/contracts/sketch';
import { makeArtifacts } from '../../apps/control-plane/test/fleet/artifacts.js';
import { TestControlPlane } from '../../apps/control-plane/test/fleet/control-plane.js';
import { SimulatedDevice } from '../../apps/control-plane/test/fleet/device.js';

const liars = process.env['VERGE_TEST_FULL'] ? 50 : 12;
const params = { project: 'plant' };
const most = Number.MAX_SAFE_INTEGER;

let plane: TestControlPlane;
let api: Client;
let honest: SimulatedDevice;
const lying: SimulatedDevice[] = [];

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  const [artifact] = await makeArtifacts(plane, params);
  const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64', maxUses: liars + 1 } });
  for (let i = 0; i <= liars; i++) {
    const device = await SimulatedDevice.enroll(bundle, i === liars ? 'honest' : `liar-${i}`);
    device.active = artifact!.manifestDigest;
    await device.report('idle');
    if (i === liars) honest = device;
    else lying.push(device);
  }
}, 240_000);
afterAll(async () => {
  for (const device of [...lying, honest]) device?.stop();
  await plane?.close();
});

function sketchOf(...values: number[]): Buffer {
  const sketch = createSketch();
  for (const value of values) sketch.accept(value);
  return Buffer.from(encodeSketch(sketch));
}

/** Each is well-formed, and cannot be true. */
const lies: Record<string, (record: TelemetryRecord) => Partial<TelemetryRecord>> = {
  'more requests than can be summed': () => ({ requests: most }),
  "more callers' errors than can be summed": () => ({ callerErrors: most }),
  'more refusals than can be summed': () => ({ loadErrors: most }),
  'a rate of a million a second': () => ({ requests: 1_000_001 }),
  'a window of 1970': () => ({ startMs: 0, endMs: 1000 }),
  'a window of the far future': () => ({ startMs: 8.64e15 - 1000, endMs: 8.64e15 }),
  'a window of tomorrow': () => ({ startMs: Date.now() + 86_400_000, endMs: Date.now() + 86_401_000 }),
  'a window of a century': () => ({ startMs: 0, endMs: Date.now() }),
  'an artifact that it never had': () => ({ artifactDigest: `sha256:${'f'.repeat(64)}` }),
  'more classes than answers': () => ({ classes: [{ index: 1, count: most }] }),
  'more latencies than requests': () => ({ requests: 1, latencySketch: sketchOf(1, 2, 3) }),
  'a negative latency': () => ({ latencySketch: sketchOf(-5) }),
  'a feature beyond all numbers': () => ({
    features: [{ name: 'f', count: 1, mean: 1e300, m2: 0, min: 1e300, max: 1e300, sketch: sketchOf(1e300) }],
  }),
  'a feature whose mean is not among its values': () => ({
    features: [{ name: 'f', count: 2, mean: 9, m2: 1, min: 0, max: 1, sketch: sketchOf(0, 1) }],
  }),
};
const kinds = Object.values(lies);

describe('lying devices', () => {
  it('are acknowledged, set aside with reasons, and spoil nothing of what the honest device says', async () => {
    const good = Array.from({ length: 20 }, () => honest.record({ requests: 10, errors: 1, latencyMs: 5 }));
    const acks = await Promise.all([
      ...lying.map((device, i) => {
        // Two of each kind, so that what is valid alone is summed.
        const records = [0, 1, 2, 3].map((n) => {
          const record = device.record({ requests: 10, latencyMs: 5 });
          return { ...record, ...kinds[(i + Math.floor(n / 2)) % kinds.length]!(record) };
        });
        return device.push(records);
      }),
      honest.push(good),
    ]);
    expect(acks.map((ack) => ack.throughSeq)).toEqual([...lying.map(() => 4), 20]);
    expect(acks.map((ack) => ack.accepted)).toEqual([...lying.map(() => 0), 20]);
    const totals = await api.call('telemetry.totals', { params, query: {} });
    const sums = { requests: 200, errors: 20, callerErrors: 0, loadErrors: 0, records: 20, devices: 1 };
    expect(totals).toMatchObject({ ...sums, quarantined: 4 * liars });
    const series = await api.call('telemetry.series', { params, query: {} });
    expect(series.points.reduce((sum, point) => sum + point.requests, 0)).toBe(200);
    const overview = await api.call('overview.get', { params });
    expect(overview.telemetry).toMatchObject({ requestsLastHour: 200, errorsLastHour: 20 });
    await api.call('rollouts.list', { params, query: {} });
  });

  it('are shown record by record, each with its reason, and can be cleared away', async () => {
    const quarantined = await everything();
    expect(quarantined).toHaveLength(4 * liars);
    for (const record of quarantined) expect(record.reasons.length).toBeGreaterThan(0);
    const [one, other] = quarantined;
    await api.call('quarantine.delete', { params: { ...params, record: one!.id } });
    await expect(api.call('quarantine.delete', { params: { ...params, record: one!.id } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const ofOne = quarantined.filter(({ id, device }) => id !== one!.id && device.id === other!.device.id).length;
    expect(await api.call('quarantine.clear', { params, query: { device: other!.device.id } })).toEqual({
      deleted: ofOne,
    });
    expect(await everything()).toHaveLength(4 * liars - 1 - ofOne);
    await api.call('quarantine.clear', { params });
    expect((await api.call('telemetry.totals', { params, query: {} })).quarantined).toBe(0);
  });

  it('are not believed when they send the same again after it was cleared away', async () => {
    const device = lying[0]!;
    const again = { ...device.record({ requests: 1, latencyMs: 1 }), seq: 1 };
    expect(await device.push([again])).toEqual({ throughSeq: 4, accepted: 0, duplicates: 1 });
    expect((await api.call('telemetry.totals', { params, query: {} })).requests).toBe(200);
  });

  it('do not fill the disk: what they send is counted for ever and kept up to a bound', async () => {
    const device = lying[1]!;
    const records = Array.from({ length: 600 }, () => ({
      ...device.record({ requests: 1, latencyMs: 1 }),
      startMs: 0,
    }));
    expect(await device.push(records)).toMatchObject({ accepted: 0, throughSeq: 604 });
    expect((await api.call('telemetry.totals', { params, query: { device: device.id } })).quarantined).toBe(500);
    const metrics = await (await fetch(`${api.baseUrl}/metrics`)).text();
    expect(metrics).toContain(`verge_telemetry_quarantined_total ${4 * liars + 600}`);
  });
});

async function everything() {
  const items = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await api.call('quarantine.list', { params, query: { limit: 100, ...(cursor ? { cursor } : {}) } });
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  return items;
}
