/** Telemetry rows taken in per second through the device gateway, against raw COPY of the same rows. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { credentials } from '@grpc/grpc-js';
import type { Client } from '@verge/contracts';
import type { Device, EnrollReplyReceived, TelemetryAckReceived, TelemetryRecord } from '@verge/contracts/grpc';
import { DeviceClient, EnrollmentClient } from '@verge/contracts/grpc';
import { createSketch, encodeSketch } from '@verge/contracts/sketch';
import { createDeviceRequest } from '@verge/trust/identity';
import { Client as PgClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { withControlPlane } from './_control-plane.js';
import type { Row } from './_row.js';

const BATCH = 1000;
const BATCHES = 20;
const ROWS = BATCH * BATCHES;
const DEVICES = 4;
const ROUNDS = 3;
const empty = 'TRUNCATE telemetry_records, telemetry_cursors, telemetry_pending, telemetry_rollups, telemetry_arrivals';
const ARTIFACT = `sha256:${'a'.repeat(64)}`;
/**
 * COPY neither checks what it is given nor asks whether it has it already, nor does anybody send it anything over TLS:
 * a third of its speed is what that may cost.
 */
const BAR = 0.33;

export const run = (): Promise<Row[]> =>
  withControlPlane({}, async ({ plane, api }) => {
    const db = new PgClient({ connectionString: plane.databaseUrl });
    await db.connect();
    try {
      return await measured(db, api);
    } finally {
      await db.end();
    }
  });

async function measured(db: PgClient, api: Client): Promise<Row[]> {
  const devices = await enrolledDevices(api);
  const records = Array.from({ length: BATCH }, (_, i) => recordOf(i + 1));
  const times = { ours: [] as number[], peer: [] as number[] };
  // Alternating, on empty tables, so that both meet the same machine; the first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    await db.query(empty);
    const o = await pushAll(devices, records);
    const { rows } = await db.query<{ n: number }>('SELECT count(*)::int AS n FROM telemetry_records');
    if (rows[0]?.n !== ROWS) throw new Error(`stored ${rows[0]?.n} of ${ROWS} rows`);
    await db.query(empty);
    const p = await copyAll(db, records);
    if (round === 0) continue;
    times.ours.push(o);
    times.peer.push(p);
  }
  for (const device of devices) device.close();
  const [a, b] = [ROWS / (median(times.ours) / 1000), ROWS / (median(times.peer) / 1000)];
  const work = `${ROWS} records of ${DEVICES} devices in batches of ${BATCH}, stored once each`;
  return [{ work, unit: 'rows/s', ours: a, peer: b, peerName: 'COPY', ratio: a / b, bar: BAR, ok: a / b >= BAR }];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** A window of 50 requests: latencies over two decades, ten classes, one feature. */
function recordOf(seq: number): TelemetryRecord {
  const sketch = createSketch();
  for (let i = 0; i < 50; i++) sketch.accept(1 + ((i * 7919 + seq) % 100));
  const latencySketch = Buffer.from(encodeSketch(sketch));
  return {
    seq,
    startMs: Date.now() - 1000,
    endMs: Date.now(),
    artifactDigest: ARTIFACT,
    requests: 50,
    errors: 0,
    latencySketch,
    classes: Array.from({ length: 10 }, (_, index) => ({ index, count: 5 })),
    features: [{ name: 'brightness', count: 50, mean: 0.5, m2: 2, min: 0, max: 1, sketch: latencySketch }],
  };
}

async function pushAll(devices: readonly Device[], records: readonly TelemetryRecord[]): Promise<number> {
  const start = performance.now();
  await Promise.all(
    devices.map(async (device) => {
      const spoolId = randomUUID();
      for (let batch = 0; batch < BATCHES / DEVICES; batch++) {
        const numbered = records.map((record, i) => ({ ...record, seq: batch * BATCH + i + 1 }));
        const ack = await push(device, spoolId, numbered);
        if (ack.accepted !== BATCH) throw new Error(`accepted ${ack.accepted} of ${BATCH} records`);
      }
    }),
  );
  return performance.now() - start;
}

function push(device: Device, spoolId: string, records: TelemetryRecord[]): Promise<TelemetryAckReceived> {
  return new Promise((resolve, reject) =>
    device.pushTelemetry({ spoolId, records }, (error, ack) => (error ? reject(error) : resolve(ack!))),
  );
}

/** The same rows as text, made beforehand: what is measured is COPY, in transactions as large as a batch. */
async function copyAll(db: PgClient, records: readonly TelemetryRecord[]): Promise<number> {
  const [device, project] = [randomUUID(), randomUUID()];
  const hex = (bytes: unknown) => `\\\\x${Buffer.from(bytes as Uint8Array).toString('hex')}`;
  const lines = records.map((r) => {
    const classes = JSON.stringify(r.classes!.map((c) => [c.index, c.count]));
    const features = JSON.stringify(
      r.features!.map((f) => ({ ...f, sketch: Buffer.from(f.sketch as Uint8Array).toString('base64') })),
    );
    const at = new Date(Number(r.startMs)).toISOString();
    const rest = [at, at, r.artifactDigest, r.requests, r.errors, hex(r.latencySketch), classes, features];
    return rest.join('\t');
  });
  const parts = Array.from({ length: BATCHES }, (_, batch) =>
    lines.map((line, i) => `${device}\tspool\t${project}\t${batch * BATCH + i + 1}\t${line}\n`).join(''),
  );
  const columns =
    'device_id, spool_id, project_id, seq, start_at, end_at, artifact_digest, requests, errors, latency_sketch, classes, features';
  const start = performance.now();
  for (const part of parts) {
    await pipeline(Readable.from([part]), db.query(copyFrom(`COPY telemetry_records (${columns}) FROM STDIN`)));
  }
  return performance.now() - start;
}

async function enrolledDevices(api: Client): Promise<Device[]> {
  await api.call('projects.create', { body: { slug: 'bench', name: 'bench' } });
  const { bundle } = await api.call('enrollment.create', {
    params: { project: 'bench' },
    body: { deviceClass: 'x64', maxUses: DEVICES },
  });
  const client = new EnrollmentClient(bundle.endpoint, credentials.createSsl(Buffer.from(bundle.authorityPem)));
  const devices: Device[] = [];
  for (let i = 0; i < DEVICES; i++) {
    const request = await createDeviceRequest({ commonName: 'bench' });
    const csrDer = Buffer.from(request.csrPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    const message = { token: bundle.token, csrDer, name: '', deviceClass: 'x64', facts: {} };
    const reply = await new Promise<EnrollReplyReceived>((resolve, reject) =>
      client.enroll(message, (error, value) => (error ? reject(error) : resolve(value!))),
    );
    const [key, chain] = [Buffer.from(request.privateKeyPem), Buffer.from(reply.certificateChainPem)];
    const root = Buffer.from(reply.authorityPem);
    const device = new DeviceClient(reply.deviceEndpoint, credentials.createSsl(root, key, chain));
    // Telemetry of an artifact that a device never spoke of would be set aside.
    const report = { atMs: Date.now(), updateState: 'idle', activeDigest: ARTIFACT };
    await new Promise<void>((resolve, reject) => device.report(report, (error) => (error ? reject(error) : resolve())));
    devices.push(device);
  }
  client.close();
  return devices;
}
