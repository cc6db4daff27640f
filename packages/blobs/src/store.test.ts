import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobError, digestOf, DirectoryBlobStore, openBlobStore, S3BlobStore } from './index.js';
import type { BlobReference, BlobStore } from './index.js';

/** NIST FIPS 180-2 appendix B.1: the digest of "abc". */
const abc = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const bytesOf = (text: string) => new TextEncoder().encode(text);

let scratch: string;
let server: ChildProcess;
let endpoint: string;

async function startS3(): Promise<void> {
  const home = dirname(createRequire(import.meta.url).resolve('s3rver/package.json'));
  const directory = join(scratch, 's3');
  await mkdir(directory);
  server = spawn(
    process.execPath,
    [join(home, 'bin/s3rver.js'), '-d', directory, '-a', '127.0.0.1', '-p', '0', '--no-vhost-buckets'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  endpoint = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const port = /listening on \S*?:(\d+)/i.exec(said)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    };
    server.stdout?.on('data', listen);
    server.stderr?.on('data', listen);
    server.once('exit', () => reject(new Error(`s3rver ended: ${said}`)));
  });
}

const s3Variables = () => ({
  S3_ENDPOINT: endpoint,
  S3_BUCKET: 'verge-blobs',
  S3_ACCESS_KEY_ID: 'S3RVER',
  S3_SECRET_ACCESS_KEY: 'S3RVER',
});

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'verge-blobs-'));
  await startS3();
});

afterAll(async () => {
  server.removeAllListeners('exit');
  if (server.exitCode === null) {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  }
  await rm(scratch, { recursive: true, force: true });
});

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function listed(store: BlobStore): Promise<BlobReference[]> {
  const found: BlobReference[] = [];
  for await (const blob of store.list()) found.push(blob);
  return found;
}

/** Eight chunks, then nothing more: the shape of an upload that arrives over a socket. */
async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const step = Math.ceil(bytes.length / 8);
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

describe.each(['directory', 's3'] as const)('%s store', (kind) => {
  let store: BlobStore;

  beforeAll(async () => {
    store = await openBlobStore(kind === 's3' ? s3Variables() : { BLOBS_DIR: join(scratch, 'blobs') });
    expect(store).toBeInstanceOf(kind === 's3' ? S3BlobStore : DirectoryBlobStore);
  });

  afterAll(() => {
    if (store instanceof S3BlobStore) store.close();
  });

  it('names content by its sha256', async () => {
    expect(await store.put(bytesOf('abc'))).toEqual({ digest: abc, bytes: 3 });
    expect(await store.stat(abc)).toEqual({ bytes: 3, storedAt: expect.any(Date) });
    expect(new TextDecoder().decode(await store.read(abc))).toBe('abc');
  });

  it('keeps the same content once', async () => {
    await Promise.all([store.put(bytesOf('abc')), store.put(inChunks(bytesOf('abc'))), store.put(bytesOf('abc'))]);
    expect((await listed(store)).filter((blob) => blob.digest === abc)).toEqual([
      { digest: abc, bytes: 3, storedAt: expect.any(Date) },
    ]);
  });

  it('streams in and out, also ranges', async () => {
    const bytes = new Uint8Array(randomBytes(3_000_001));
    const { digest } = await store.put(inChunks(bytes), { digest: digestOf(bytes), maxBytes: bytes.length });
    expect(digestOf(await collect(await store.get(digest)))).toBe(digest);
    expect(digestOf(await store.read(digest))).toBe(digest);
    expect(await collect(await store.get(digest, { offset: 1_000_000, length: 17 }))).toEqual(
      bytes.slice(1_000_000, 1_000_017),
    );
    expect(await collect(await store.get(digest, { offset: 2_999_999 }))).toEqual(bytes.slice(2_999_999));
    expect(await collect(await store.get(digest, { offset: 2_999_999, length: 100 }))).toEqual(bytes.slice(2_999_999));
    expect(await collect(await store.get(digest, { offset: bytes.length }))).toHaveLength(0);
  });

  it('is as new as the last time that it was put', async () => {
    const { digest } = await store.put(bytesOf(`old in ${kind}`));
    const files = await readdir(scratch, { recursive: true });
    const rest = digest.slice('sha256:'.length + 2);
    const old = new Date('2020-01-01T00:00:00Z');
    for (const file of files.filter((name) => name.includes(rest))) await utimes(join(scratch, file), old, old);
    expect((await store.stat(digest))?.storedAt).toEqual(old);
    expect((await listed(store)).find((blob) => blob.digest === digest)).toMatchObject({ storedAt: old });
    await store.put(bytesOf(`old in ${kind}`));
    expect(Date.now() - (await store.stat(digest))!.storedAt.getTime()).toBeLessThan(60_000);
  });

  it('keeps the empty blob', async () => {
    const { digest, bytes } = await store.put(new Uint8Array());
    expect(bytes).toBe(0);
    expect(await store.read(digest)).toHaveLength(0);
  });

  it('refuses what was not promised and keeps nothing of it', async () => {
    const before = await listed(store);
    await expect(store.put(bytesOf('abd'), { digest: abc })).rejects.toMatchObject({ code: 'blob-digest-mismatch' });
    await expect(store.put(inChunks(randomBytes(1000)), { maxBytes: 999 })).rejects.toMatchObject({
      code: 'blob-too-large',
    });
    await expect(store.put(bytesOf('x'), { digest: 'sha256:../../etc/passwd' })).rejects.toMatchObject({
      code: 'blob-digest-invalid',
    });
    const broken = async function* () {
      yield bytesOf('half of an');
      throw new Error('the sender went away');
    };
    const refusal = await store.put(broken()).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BlobError);
    expect(refusal).toMatchObject({ code: 'blob-source-failed', cause: { message: 'the sender went away' } });
    expect(await listed(store)).toEqual(before);
  });

  it('lets go of a source that it stops reading', async () => {
    const path = join(scratch, `big-${kind}`);
    await writeFile(path, randomBytes(1_000_000));
    const source = createReadStream(path);
    await expect(store.put(source, { maxBytes: 10 })).rejects.toMatchObject({ code: 'blob-too-large' });
    expect(source.destroyed).toBe(true);
  });

  it('says what it does not have', async () => {
    const absent = digestOf(bytesOf('never stored'));
    expect(await store.stat(absent)).toBeNull();
    expect(await store.delete(absent)).toBe(false);
    await expect(store.get(absent)).rejects.toMatchObject({ code: 'blob-not-found' });
    await expect(store.read(absent)).rejects.toMatchObject({ code: 'blob-not-found' });
    await expect(store.get(abc, { offset: 4 })).rejects.toMatchObject({ code: 'blob-range-invalid' });
    await expect(store.get(abc, { offset: -1 })).rejects.toMatchObject({ code: 'blob-range-invalid' });
    await expect(store.stat('sha256:ABC')).rejects.toMatchObject({ code: 'blob-digest-invalid' });
  });

  it('deletes', async () => {
    const { digest } = await store.put(bytesOf('short-lived'));
    expect(await store.delete(digest)).toBe(true);
    expect(await store.stat(digest)).toBeNull();
    expect((await listed(store)).map((blob) => blob.digest)).not.toContain(digest);
  });
});

describe('directory store', () => {
  it('leaves no file behind a refused upload, and notices damage', async () => {
    const dir = join(scratch, 'damage');
    const store = new DirectoryBlobStore(dir);
    await expect(store.put(bytesOf('abd'), { digest: abc })).rejects.toBeInstanceOf(BlobError);
    expect(await readdir(join(dir, 'incoming'))).toEqual([]);
    await store.put(bytesOf('abc'));
    await writeFile(join(dir, 'sha256', abc.slice(7, 9), abc.slice(9)), 'abx');
    await expect(store.read(abc)).rejects.toMatchObject({ code: 'blob-corrupt' });
    await store.put(bytesOf('abc'));
    expect(await store.read(abc)).toHaveLength(3);
  });

  it('sweeps what dead writers left, and only that', async () => {
    const dir = join(scratch, 'sweep');
    await mkdir(join(dir, 'incoming'), { recursive: true });
    await writeFile(join(dir, 'incoming', 'old.part'), 'x');
    await writeFile(join(dir, 'incoming', 'young.part'), 'x');
    await utimes(join(dir, 'incoming', 'old.part'), 0, 0);
    await openBlobStore({ BLOBS_DIR: dir });
    expect(await readdir(join(dir, 'incoming'))).toEqual(['young.part']);
  });
});

describe('s3 store', () => {
  it('reports wrong credentials as a failure of the store, not as an absent blob', async () => {
    const refused = openBlobStore({ ...s3Variables(), S3_BUCKET: 'other', S3_ACCESS_KEY_ID: 'wrong' });
    await expect(refused).rejects.toMatchObject({ code: 'blob-store-failed' });
  });

  it('leaves nothing in its spool', async () => {
    const spoolDir = join(scratch, 'spool');
    const store = new S3BlobStore({
      bucket: 'verge-blobs',
      endpoint,
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      spoolDir,
    });
    await store.put(bytesOf('through the spool'));
    await expect(store.put(bytesOf('abd'), { digest: abc })).rejects.toBeInstanceOf(BlobError);
    expect(await readdir(spoolDir)).toEqual([]);
    store.close();
  });
});

describe('openBlobStore', () => {
  it('names every bad variable at once and echoes no value', async () => {
    const refusal = await openBlobStore({
      S3_ENDPOINT: 'ftp://secret-host',
      S3_FORCE_PATH_STYLE: 'perhaps',
      S3_ACCESS_KEY_ID: 'secret-id',
    }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'blob-config-invalid' });
    const message = refusal instanceof Error ? refusal.message : '';
    for (const name of ['S3_BUCKET', 'S3_ENDPOINT', 'S3_FORCE_PATH_STYLE', 'S3_SECRET_ACCESS_KEY'])
      expect(message).toContain(name);
    expect(message).not.toMatch(/secret-|perhaps/);
    await expect(openBlobStore({})).rejects.toMatchObject({ code: 'blob-config-invalid' });
  });
});
