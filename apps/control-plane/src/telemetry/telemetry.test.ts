import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { createSketch, encodeSketch } from '@verge/contracts/sketch';
import type { TestArtifact } from '../../test/fleet/artifacts.js';
import { makeArtifacts } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { SimulatedDevice } from '../../test/fleet/device.js';

let plane: TestControlPlane;
let api: Client;
let artifact: TestArtifact;
const devices: SimulatedDevice[] = [];
const params = { project: 'plant' };

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  artifact = (await makeArtifacts(plane, { project: 'plant' }))[0]!;
});
afterAll(async () => {
  for (const device of devices) device.stop();
  await plane.close();
});

async function enrolled(): Promise<SimulatedDevice> {
  const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64' } });
  const device = await SimulatedDevice.enroll(bundle);
  device.active = artifact.manifestDigest;
  await device.report('idle');
  devices.push(device);
  return device;
}
const totals = (device: SimulatedDevice) => api.call('telemetry.totals', { params, query: { device: device.id } });
const records = (device: SimulatedDevice, n: number) =>
  Array.from({ length: n }, () => device.record({ requests: 10, latencyMs: 5 }));

describe('delivery', () => {
  it('counts a record once, however often and in whatever order it comes', async () => {
    const device = await enrolled();
    const all = records(device, 6);
    expect(await device.push(all.slice(3))).toEqual({ throughSeq: 0, accepted: 3, duplicates: 0 });
    expect(await device.push(all.slice(0, 2))).toEqual({ throughSeq: 2, accepted: 2, duplicates: 0 });
    expect(await device.push(all.slice(1, 4))).toEqual({ throughSeq: 6, accepted: 1, duplicates: 2 });
    expect(await device.push(all)).toEqual({ throughSeq: 6, accepted: 0, duplicates: 6 });
    expect(await device.push([...records(device, 1), all[5]!])).toEqual({ throughSeq: 7, accepted: 1, duplicates: 1 });
    expect(await totals(device)).toMatchObject({ requests: 70, records: 7, duplicates: 9, devices: 1 });
  });

  it('stores the same record of two deliveries at the same moment once', async () => {
    const device = await enrolled();
    const all = records(device, 200);
    const acks = await Promise.all(Array.from({ length: 6 }, () => device.push(all)));
    expect(acks.map((ack) => ack.throughSeq)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(acks.reduce((sum, ack) => sum + ack.accepted, 0)).toBe(200);
    expect(await totals(device)).toMatchObject({ requests: 2000, records: 200, duplicates: 1000 });
  });

  it('does not wait for records that the device had to drop', async () => {
    const device = await enrolled();
    const all = records(device, 10);
    expect(await device.push(all.slice(0, 2))).toMatchObject({ throughSeq: 2 });
    expect(await device.push(all.slice(6, 8))).toMatchObject({ throughSeq: 2 });
    expect(await device.push(all.slice(8), 7)).toMatchObject({ throughSeq: 10 });
  });

  it('tells spools apart', async () => {
    const device = await enrolled();
    const [record] = records(device, 1);
    await device.push([record!]);
    expect(await device.push([record!], 0, 'after-the-disk-was-lost')).toMatchObject({ accepted: 1, duplicates: 0 });
    expect(await totals(device)).toMatchObject({ records: 2 });
  });

  it('loses and doubles nothing when the control plane is restarted and the batch sent again', async () => {
    const device = await enrolled();
    const all = records(device, 30);
    expect(await device.push(all.slice(0, 20))).toMatchObject({ throughSeq: 20 });
    await plane.stop();
    await expect(device.push(all)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await plane.startAgain();
    const again = await retry(() => device.push(all));
    expect(again).toEqual({ throughSeq: 30, accepted: 10, duplicates: 20 });
    expect(await totals(device)).toMatchObject({ requests: 300, records: 30, duplicates: 20 });
  });

  it('keeps every record that was acknowledged when the control plane is stopped in the middle', async () => {
    const device = await enrolled();
    const batches = Array.from({ length: 40 }, () => records(device, 25));
    const acknowledged: number[] = [];
    const sending = Promise.all(
      batches.map(async (batch) => {
        await device.push(batch).then(
          () => acknowledged.push(...batch.map((record) => Number(record.seq))),
          () => undefined,
        );
      }),
    );
    await plane.stop();
    await sending;
    const stored = await plane.database.telemetryRecord.findMany({
      where: { deviceId: device.id },
      select: { seq: true },
    });
    const seqs = new Set(stored.map((row) => Number(row.seq)));
    expect(acknowledged.filter((seq) => !seqs.has(seq))).toEqual([]);
    await plane.startAgain();
    await retry(() => device.push(batches[0]!));
    for (const batch of batches) await device.push(batch);
    expect(await device.push(batches[0]!)).toMatchObject({ throughSeq: 1000 });
    expect(await totals(device)).toMatchObject({ requests: 10_000, records: 1000 });
  });

  it('loses and doubles nothing while the database breaks its connections again and again', async () => {
    const device = await enrolled();
    const batches = Array.from({ length: 30 }, () => records(device, 10));
    let done = false;
    const breaking = (async () => {
      while (!done) {
        await plane.database.$executeRaw`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND random() < 0.5`.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const failures: number[] = [];
    for (const batch of batches) {
      await retry(() =>
        device.push(batch).catch((error: { code: number }) => {
          failures.push(error.code);
          throw error;
        }),
      );
    }
    done = true;
    await breaking;
    expect(await retry(() => device.push(batches[0]!))).toMatchObject({ throughSeq: 300, accepted: 0 });
    expect(new Set(failures)).toEqual(new Set(failures.length > 0 ? [status.UNAVAILABLE] : []));
    expect(await retry(() => totals(device))).toMatchObject({ requests: 3000, records: 300 });
  });

  it('refuses a batch whole, naming each bad field', async () => {
    const device = await enrolled();
    const [good, bad] = records(device, 2);
    const broken = { ...bad!, latencySketch: Buffer.from('not a sketch'), errors: 11 };
    await expect(device.push([good!, broken])).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/^records\[1\]\.errors: .*; records\[1\]\.latency_sketch: malformed sketch/),
    });
    expect(await totals(device)).toMatchObject({ records: 0 });
  });
});

async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

describe('questions', () => {
  it('are answered with counts, quantiles, labelled classes and features of what was sent', async () => {
    const device = await enrolled();
    const values = Array.from({ length: 1000 }, (_, i) => i / 10);
    const sketch = createSketch();
    for (const value of values) sketch.accept(value);
    const feature = { name: 'brightness', count: 1000, mean: 49.95, m2: 833_332.5, min: 0, max: 99.9 };
    const encoded = Buffer.from(encodeSketch(sketch));
    await device.push([
      {
        ...device.record({ requests: 1000, errors: 5, latencyMs: 1 }),
        latencySketch: encoded,
        classes: [
          { index: 0, count: 400 },
          { index: 2, count: 595 },
        ],
        features: [{ ...feature, sketch: encoded }],
      },
      { ...device.record({ requests: 1000, latencyMs: 1 }), latencySketch: encoded, classes: [{ index: 2, count: 5 }] },
    ]);
    const answer = await totals(device);
    expect(answer).toMatchObject({ requests: 2000, errors: 5, records: 2 });
    expect(answer.classes).toEqual([
      { index: 0, label: 'zero', count: 400 },
      { index: 2, label: 'two', count: 600 },
    ]);
    // DDSketch promises 1 % of the exact quantile.
    expect(Math.abs(answer.p50Ms! - 49.95) / 49.95).toBeLessThan(0.011);
    expect(Math.abs(answer.p99Ms! - 98.9) / 98.9).toBeLessThan(0.011);
    const [only] = answer.features;
    expect(only).toMatchObject({ name: 'brightness', count: 1000, mean: 49.95, min: 0, max: 99.9 });
    expect(only!.std).toBeCloseTo(Math.sqrt(833.3325), 6);
    const series = await api.call('telemetry.series', { params, query: { device: device.id } });
    expect(series.stepSeconds).toBe(60);
    expect(series.points.reduce((sum, point) => sum + point.requests, 0)).toBe(2000);
    for (const by of [{ model: 'digits' }, { artifact: artifact.manifestDigest }])
      expect((await api.call('telemetry.totals', { params, query: { device: device.id, ...by } })).records).toBe(2);
    expect((await api.call('telemetry.totals', { params, query: { model: 'none' } })).records).toBe(0);
  });

  it("count three kinds of error apart, of which only the model's are among the requests", async () => {
    const device = await enrolled();
    await device.push([device.record({ requests: 50, errors: 3, callerErrors: 70, loadErrors: 9, latencyMs: 1 })]);
    const counts = { requests: 50, errors: 3, callerErrors: 70, loadErrors: 9 };
    expect(await totals(device)).toMatchObject(counts);
    const { points } = await api.call('telemetry.series', { params, query: { device: device.id } });
    expect(points.find((point) => point.requests > 0)).toMatchObject(counts);
  });

  it('are refused when they make no sense', async () => {
    const query = { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' };
    await expect(api.call('telemetry.totals', { params, query })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    const fine = { from: '2020-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z', stepSeconds: 60 };
    await expect(api.call('telemetry.series', { params, query: fine })).rejects.toMatchObject({
      errors: [{ field: '?stepSeconds' }],
    });
    await expect(api.call('telemetry.totals', { params, query: { group: 'nobody' } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
