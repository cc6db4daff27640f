import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type Places, readConfig } from './config.js';
import { moveBetween, waitMs } from './follow.js';
import { PostgresAddress } from './postgres-address.js';

const url = (port: number, password = 'secret'): string => `postgresql://verge:${password}@127.0.0.1:${port}/verge`;
const at = (place: Partial<Places['queue']>, blobs: Places['blobs'] = { BLOBS_DIR: '/data/blobs' }): Places => ({
  queue: { kind: 'postgres', url: url(5000), ...place },
  blobs,
});

describe('what a worker does about other places', () => {
  it('stays, follows the address, or goes elsewhere', () => {
    expect(moveBetween(at({}), at({}))).toBe('none');
    expect(moveBetween(at({}), at({ url: url(5001) }))).toBe('address');
    expect(moveBetween(at({}), at({ url: url(5000, 'other') }))).toBe('elsewhere');
    expect(moveBetween(at({}), at({ url: url(5001).replace('/verge', '/other') }))).toBe('elsewhere');
    expect(moveBetween(at({}), at({ kind: 'redis', url: 'redis://127.0.0.1:6379' }))).toBe('elsewhere');
    expect(moveBetween(at({}), at({}, { S3_BUCKET: 'blobs' }))).toBe('elsewhere');
    const redis = (port: number): Places => at({ kind: 'redis', url: `redis://127.0.0.1:${port}` });
    expect(moveBetween(redis(6379), redis(6380))).toBe('elsewhere');
  });

  it('waits longer after each failure, within bounds', () => {
    expect([0, 1, 2].map((failures) => waitMs(failures, 0.5))).toEqual([2_000, 4_000, 8_000]);
    expect(waitMs(100, 1)).toBe(45_000);
    expect(waitMs(0, 0)).toBe(1_000);
  });
});

describe('what a control plane wrote down', () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  it('is read again, the blobs too; the environment wins', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'verge-places-'));
    undo.push(() => rm(dataDir, { recursive: true, force: true }));
    const write = (content: object): Promise<void> =>
      writeFile(join(dataDir, 'control-plane.json'), JSON.stringify(content));
    await expect(readConfig({ VERGE_DATA_DIR: dataDir })).rejects.toThrow('a control plane running');
    await write({ databaseUrl: url(5000), redisUrl: null, blobDir: join(dataDir, 'blobs'), s3: null });
    const config = await readConfig({ VERGE_DATA_DIR: dataDir });
    expect(config).toMatchObject({ queue: { url: url(5000) }, blobs: { BLOBS_DIR: join(dataDir, 'blobs') } });
    const s3 = { endpoint: 'http://127.0.0.1:9000', bucket: 'blobs' };
    await write({ databaseUrl: url(5000), redisUrl: 'redis://127.0.0.1:6379', blobDir: null, s3 });
    expect(await config.readAgain?.()).toMatchObject({
      queue: { kind: 'redis' },
      blobs: { S3_ENDPOINT: s3.endpoint, S3_BUCKET: 'blobs' },
    });
    const own = await readConfig({ VERGE_DATA_DIR: dataDir, DATABASE_URL: url(7000) });
    expect(own).toMatchObject({ queue: { kind: 'postgres', url: url(7000) }, blobs: { S3_BUCKET: undefined } });
    expect(own.readAgain).toBeUndefined();
    await rm(join(dataDir, 'control-plane.json'));
    expect(await config.readAgain?.()).toBeUndefined();
  });

  it('ends connections to the old address, though somebody silent took it, and opens the next at the new one', async () => {
    const listen = async (): Promise<{ port: number; next: () => Promise<unknown> }> => {
      const server: Server = createServer((socket: Socket) => socket.on('error', () => undefined));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      undo.push(() => new Promise((done) => server.close(done)));
      const { port } = server.address() as { port: number };
      return { port, next: () => once(server, 'connection') };
    };
    const [old, now] = [await listen(), await listen()];
    const address = new PostgresAddress();
    const first = address.stream();
    const accepted = old.next();
    first.connect(old.port, '127.0.0.1');
    await accepted;
    const closed = once(first, 'close');
    address.moveTo(url(now.port));
    await closed;
    const arrived = now.next();
    const second = address.stream();
    second.connect(old.port, '127.0.0.1');
    await arrived;
    address.cut();
    await once(second, 'close');
  });
});
