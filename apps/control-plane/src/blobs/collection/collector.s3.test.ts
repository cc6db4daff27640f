/** The same over an S3-compatible store: ages and deletions are told over HTTP there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestOf, S3BlobStore } from '@verge/blobs';
import { Plane } from '../../../test/plane.js';
import { Collector } from './collector.js';

let folder: string;
let server: ChildProcess;
let plane: Plane;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-s3-'));
  const home = dirname(createRequire(import.meta.url).resolve('s3rver/package.json'));
  const options = ['-d', folder, '-a', '127.0.0.1', '-p', '0', '--no-vhost-buckets'];
  server = spawn(process.execPath, [join(home, 'bin/s3rver.js'), ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const endpoint = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      const port = /listening on \S*?:(\d+)/i.exec(said)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    };
    server.stdout?.on('data', listen);
    server.stderr?.on('data', listen);
    server.once('exit', () => reject(new Error(`s3rver ended: ${said}`)));
  });
  plane = await Plane.start({
    S3_ENDPOINT: endpoint,
    S3_BUCKET: 'verge-collected',
    S3_ACCESS_KEY_ID: 'S3RVER',
    S3_SECRET_ACCESS_KEY: 'S3RVER',
  });
});

afterAll(async () => {
  await plane.close();
  if (plane.blobs instanceof S3BlobStore) plane.blobs.close();
  server.removeAllListeners('exit');
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  await rm(folder, { recursive: true, force: true });
});

it('deletes what nothing uses, and nothing else', async () => {
  expect(plane.blobs).toBeInstanceOf(S3BlobStore);
  const api = await plane.member('plant');
  const params = { project: 'plant' };
  const files = [];
  for (const name of ['a', 'b', 'c']) {
    const raw = Buffer.from(`file ${name}`);
    const sent = await api.call('blobs.put', { params: { ...params, digest: digestOf(raw) }, raw });
    if (name !== 'c') files.push({ path: `${name}.csv`, ...sent });
  }
  const { id, digest } = await api.call('datasets.create', { params, body: { name: 'kept', format: 'csv', files } });
  for (let i = 0; i < 15; i++) await plane.blobs.put(Buffer.from(`orphan ${i}`));
  const collect = async () => {
    const options = { databaseUrl: plane.database.url, store: plane.blobs, graceMs: 0, stopping: () => false };
    const collector = await Collector.open(options);
    await collector.run(false).finally(() => collector.close());
    return collector.found;
  };
  // S3 tells whole seconds: what was stored in this one is not before it.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const found = await collect();
  expect([found.held.blobs, found.freed.blobs, found.givenUp]).toEqual([19, 16, 1]);
  const left = new Set<string>();
  for await (const blob of plane.blobs.list()) left.add(blob.digest);
  expect(left).toEqual(new Set([digest, ...files.map((file) => file.digest)]));
  await api.call('datasets.delete', { params: { ...params, dataset: id } });
  expect((await collect()).freed.blobs).toBe(3);
});
