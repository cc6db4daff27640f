/** Data sets larger than a request and than memory, over a connection that breaks. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Plane } from '../../apps/control-plane/test/plane.js';
import { startVerge, vergeProcess } from '../../apps/cli/src/test-command.js';

let plane: Plane;
let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  plane = await Plane.start();
  folder = await mkdtemp(join(tmpdir(), 'verge-upload-'));
  const { token } = await plane.member('plant');
  env = { VERGE_CONFIG_DIR: folder, VERGE_URL: plane.url, VERGE_TOKEN: token, VERGE_PROJECT: 'plant' };
});
afterAll(async () => {
  await plane.close();
  await rm(folder, { recursive: true, force: true });
});

/** A cable to the control plane that can be cut after so many bytes. */
async function cable(): Promise<{ url: string; cutAfter(bytes: number): void; close(): void }> {
  let left = Infinity;
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(Number(new URL(plane.url).port), '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => [near, far].forEach((s) => s.destroy()));
    }
    far.pipe(near);
    near.on('data', (data: Buffer) => {
      left -= data.length;
      if (left <= 0) near.destroy();
      else if (!far.write(data)) {
        near.pause();
        far.once('drain', () => near.resume());
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (bytes) => (left = bytes),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An IDX pair (the format of MNIST) of 8-bit images of 1,000 pixels. */
async function idxPair(at: string, count: number): Promise<string> {
  await mkdir(at, { recursive: true });
  const head = (magic: number, ...sizes: number[]): Buffer => {
    const bytes = Buffer.alloc(4 + 4 * sizes.length);
    bytes.writeUInt32BE(magic, 0);
    sizes.forEach((size, i) => bytes.writeUInt32BE(size, 4 + 4 * i));
    return bytes;
  };
  const pixels = Buffer.alloc(count * 1000);
  for (let i = 0; i < pixels.length; i += 997) pixels[i] = i % 251;
  await writeFile(join(at, 'train-images-idx3-ubyte'), Buffer.concat([head(0x803, count, 25, 40), pixels]));
  const labels = Buffer.from(Array.from({ length: count }, (_, i) => i % 3));
  await writeFile(join(at, 'train-labels-idx1-ubyte'), Buffer.concat([head(0x801, count), labels]));
  return join(at, 'train-images-idx3-ubyte');
}

it('a large file goes on from where a cut cable left it, also in a later run', async () => {
  const path = await idxPair(join(folder, 'large'), 45_000);
  const line = await cable();
  try {
    line.cutAfter(38e6);
    const first = startVerge(['datasets', 'add', 'large', '--path', path], { ...env, VERGE_URL: line.url });
    await first.said('trying again');
    first.child.kill('SIGKILL');
    await first.exit;
    line.cutAfter(Infinity);
    const again = await vergeProcess(['datasets', 'add', 'large', '--path', path, '--json'], {
      ...env,
      VERGE_URL: line.url,
    });
    expect(again.stderr).toMatch(/going on with train-images-idx3-ubyte from [1-3][0-9]\.[0-9] MiB/);
    expect(again.json()).toMatchObject({ name: 'large', fileCount: 2 });
  } finally {
    line.close();
  }
  const place = { project: 'plant', dataset: 'large' };
  const { items } = await plane.admin.call('datasets.files', { params: place });
  expect(items.map((f) => f.path)).toEqual(['train-images-idx3-ubyte', 'train-labels-idx1-ubyte']);
  // Compared as bytes: a matcher would walk 45 million elements.
  expect(Buffer.from(await plane.blobs.read(items[0]!.digest)).equals(await readFile(path))).toBe(true);
});

/** A picture of one pixel, of its own colour. */
function bitmap(colour: number): Buffer {
  const bytes = Buffer.alloc(58);
  bytes.write('BM');
  bytes.writeUInt32LE(58, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(1, 18);
  bytes.writeInt32LE(1, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  bytes.writeUInt32LE(4, 34);
  bytes.writeUInt32LE(colour, 54);
  return bytes;
}

it('a folder of images is sent, and what is there already is not sent again', async () => {
  const images = join(folder, 'images');
  const count = process.env['VERGE_TEST_FULL'] ? 10_500 : 300;
  for (let i = 0; i < count; i++) {
    const at = join(images, `class-${i % 3}`);
    if (i < 3) await mkdir(at, { recursive: true });
    await writeFile(join(at, `${i}.bmp`), bitmap(i));
  }
  const add = (name: string) => vergeProcess(['datasets', 'add', name, '--path', images, '--json'], env);
  const first = await add('images');
  expect(first.json()).toMatchObject({
    format: 'image-folder',
    fileCount: count,
    labels: ['class-0', 'class-1', 'class-2'],
  });
  expect(first.stderr).toContain(`sending ${count} files`);
  const again = await add('images-again');
  expect(again.json()).toMatchObject({ fileCount: count });
  expect(again.stderr).not.toContain('sending');
}, 300_000);
