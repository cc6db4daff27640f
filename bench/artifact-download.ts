/** Artifact download over mutual TLS through the device gateway, against a bare grpc-js stream of the same bytes. */
import { randomBytes, createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { openBlobStore } from '@verge/blobs';
import type { Client, EnrollmentBundle } from '@verge/contracts';
import type { ChunkSent, Device, DownloadRequestReceived, EnrollReplyReceived } from '@verge/contracts/grpc';
import { DeviceClient, deviceService, EnrollmentClient } from '@verge/contracts/grpc';
import {
  createAuthority,
  createDeviceRequest,
  issueDeviceCertificate,
  issueServerCertificate,
} from '@verge/trust/identity';
import { Client as PgClient } from 'pg';
import { withControlPlane, type BenchPlane } from './_control-plane.js';
import type { Row } from './_row.js';

const MiB = 1024 * 1024;
const SIZE = 64 * MiB;
const CHUNK = MiB;
const ROUNDS = 5;
/** The gateway reads a file, checks who asks, and hashes nothing; a bare stream sends from memory. */
const BAR = 0.7;

export const run = (): Promise<Row[]> =>
  withControlPlane({}, async (bench) => {
    const content = randomBytes(SIZE);
    const bare = await bareServer(content);
    try {
      return await measured(bench, bare.client, content);
    } finally {
      bare.close();
    }
  });

async function measured(bench: BenchPlane, bare: Device, content: Buffer): Promise<Row[]> {
  const { api } = bench;
  const ours = await enrolledDevice(api);
  const digest = await publishedBlob(bench, content);
  const digestOf = createHash('sha256').update(content).digest('hex');
  const times = { ours: [] as number[], peer: [] as number[] };
  // Alternating, so that both meet the same machine; the first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const o = await download(ours, digest, digestOf);
    const p = await download(bare, digest, digestOf);
    if (round === 0) continue;
    times.ours.push(o);
    times.peer.push(p);
  }
  ours.close();
  const rate = (ms: number[]) => SIZE / 1e6 / (median(ms) / 1000);
  const [a, b] = [rate(times.ours), rate(times.peer)];
  const work = `${SIZE / MiB} MiB in ${CHUNK / 1024} KiB chunks over mutual TLS`;
  return [{ work, unit: 'MB/s', ours: a, peer: b, peerName: 'grpc-js', ratio: a / b, bar: BAR, ok: a / b >= BAR }];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Milliseconds from the call to the last byte; the content is checked afterwards. */
function download(client: Device, digest: string, expected: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const parts: Buffer[] = [];
    const stream = client.download({ digest, offset: 0, chunkBytes: CHUNK });
    stream.on('data', (chunk: { data: Buffer }) => parts.push(chunk.data));
    stream.on('error', reject);
    stream.on('end', () => {
      const ms = performance.now() - start;
      const hash = createHash('sha256');
      for (const part of parts) hash.update(part);
      if (hash.digest('hex') === expected) resolve(ms);
      else reject(new Error('the download has other bytes'));
    });
  });
}

async function enrolledDevice(api: Client): Promise<Device> {
  await api.call('projects.create', { body: { slug: 'bench', name: 'bench' } });
  const { bundle } = await api.call('enrollment.create', {
    params: { project: 'bench' },
    body: { deviceClass: 'x64' },
  });
  const request = await createDeviceRequest({ commonName: 'bench' });
  const reply = await enroll(bundle, request.csrPem);
  const { deviceEndpoint, authorityPem, certificateChainPem } = reply;
  const [key, chain] = [Buffer.from(request.privateKeyPem), Buffer.from(certificateChainPem)];
  return new DeviceClient(deviceEndpoint, credentials.createSsl(Buffer.from(authorityPem), key, chain));
}

async function enroll(bundle: EnrollmentBundle, csrPem: string): Promise<EnrollReplyReceived> {
  const client = new EnrollmentClient(bundle.endpoint, credentials.createSsl(Buffer.from(bundle.authorityPem)));
  const csrDer = Buffer.from(csrPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const message = { token: bundle.token, csrDer, name: '', deviceClass: bundle.deviceClass, facts: {} };
  try {
    return await new Promise((resolve, reject) =>
      client.enroll(message, (error, reply) => (error ? reject(error) : resolve(reply!))),
    );
  } finally {
    client.close();
  }
}

/** Stores the bytes and makes them a file of a released artifact, past the API: what is measured is the download. */
async function publishedBlob({ plane, dir }: BenchPlane, content: Uint8Array): Promise<string> {
  await writeFile(join(dir, 'content'), content);
  const blobs = await openBlobStore({ BLOBS_DIR: join(dir, 'blobs') });
  const { digest } = await blobs.put(await readFile(join(dir, 'content')));
  const db = new PgClient({ connectionString: plane.databaseUrl });
  await db.connect();
  try {
    // The rows that an artifact belongs to are left out, so references are not checked on this connection.
    await db.query("SET session_replication_role = 'replica'");
    const manifest = JSON.stringify({ files: [{ digest }] });
    await db.query(
      `WITH made AS (
         INSERT INTO artifacts (id, project_id, version_id, compression_id, device_class, recipe, target_path,
           manifest_digest, manifest_bytes, manifest, report, offered, bytes)
         SELECT gen_random_uuid(), id, gen_random_uuid(), gen_random_uuid(), 'x64', 'bench', 'bench', 'bench', 1, $1,
           '{}', true, 1 FROM projects WHERE slug = 'bench' RETURNING id)
       INSERT INTO release_artifacts (release_id, artifact_id) SELECT gen_random_uuid(), id FROM made`,
      [manifest],
    );
  } finally {
    await db.end();
  }
  return digest;
}

/** What grpc-js does by itself: the same service, chunks cut from memory, back-pressure by `drain`. */
async function bareServer(content: Buffer): Promise<{ client: Device; close: () => void }> {
  const authority = await createAuthority({ commonName: 'bench' });
  const { certificatePem, privateKeyPem } = await issueServerCertificate(authority, {
    commonName: 'bench',
    dnsNames: ['localhost'],
  });
  const request = await createDeviceRequest({ commonName: 'bench' });
  const device = await issueDeviceCertificate(authority, request.csrPem, { deviceId: 'd', projectId: 'p' });
  const root = Buffer.from(authority.certificatePem);
  const server = new Server();
  server.addService(deviceService, {
    Download: (call: ServerWritableStream<DownloadRequestReceived, ChunkSent>) => {
      let at = 0;
      const more = (): void => {
        while (at < content.length) {
          const data = content.subarray(at, (at += CHUNK));
          if (!call.write({ data })) return void call.once('drain', more);
        }
        call.end();
      };
      more();
    },
  });
  const identity = [{ cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(privateKeyPem) }];
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(root, identity, true), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const [key, chain] = [Buffer.from(request.privateKeyPem), Buffer.from(device.certificatePem)];
  const client = new DeviceClient(`localhost:${port}`, credentials.createSsl(root, key, chain));
  return {
    client,
    close: () => {
      client.close();
      server.forceShutdown();
    },
  };
}
