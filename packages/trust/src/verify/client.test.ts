import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKey, initRepository, rotateRoot, updateTargets } from '../publish/index.js';
import type { MetadataFiles, SigningKey, UpdateTargetsOptions } from '../publish/index.js';
import { RepositoryClient } from './index.js';

const target = { path: 'digits/1/cpu/model.json', length: 3, sha256: 'aa'.repeat(32), custom: { release: 'r1' } };
const other = { path: 'digits/2/cpu/model.json', length: 4, sha256: 'bb'.repeat(32) };

let scratch: string;
let count = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'verge-client-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A repository with one key a role (two for targets, both needed), and a device that follows it. */
let root: SigningKey;
let targets: [SigningKey, SigningKey];
let online: SigningKey;
let files: MetadataFiles;
let serving: (name: string) => Uint8Array | null;
let dir: string;
let device: RepositoryClient;

const openDevice = () =>
  RepositoryClient.open({ dir, trustedRoot: files.get('1.root.json')!, fetch: async (name) => serving(name) });

beforeEach(async () => {
  root = createKey();
  targets = [createKey(), createKey()];
  online = createKey();
  files = initRepository({
    keys: { root: [root], targets, snapshot: [online], timestamp: [online] },
    thresholds: { targets: 2 },
    targets: [target],
  });
  serving = (name) => files.get(name) ?? null;
  dir = join(scratch, String(count++));
  device = await openDevice();
});

/** Publishes as the owners of the keys would. */
function publish(change: Partial<UpdateTargetsOptions>): MetadataFiles {
  const fresh = updateTargets({ previous: files, keys: [...targets, online], ...change });
  for (const [name, bytes] of fresh) files.set(name, bytes);
  return fresh;
}

describe('a device that follows a repository', () => {
  it('finds what is signed, and nothing else', async () => {
    expect(device.versions()).toEqual({ root: 1, timestamp: 0, snapshot: 0, targets: 0 });
    expect(await device.refresh()).toEqual({ root: 1, timestamp: 1, snapshot: 1, targets: 1 });
    const { sha256, ...rest } = target;
    expect(await device.target(target.path)).toEqual({ ...rest, hashes: { sha256 } });
    for (const path of ['absent', 'constructor', '__proto__', '']) expect(await device.target(path)).toBeNull();
    expect((await device.targets()).map((found) => found.path)).toEqual([target.path]);
  });

  it('follows new releases and keeps what it knows across restarts', async () => {
    await device.refresh();
    publish({ add: [other], withdraw: [{ path: target.path, reason: 'bad' }] });
    expect(await device.refresh()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
    serving = () => {
      throw new Error('no network');
    };
    const restarted = await openDevice();
    expect(restarted.versions()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
    expect(await restarted.target(other.path)).toMatchObject({ length: 4 });
    expect(await restarted.target(target.path)).toBeNull();
    const record = { path: target.path, sha256: target.sha256, reason: 'bad' };
    expect(restarted.withdrawals()).toMatchObject([record]);
  });

  it('can hand its metadata to a publisher', async () => {
    await device.refresh();
    const fresh = updateTargets({ previous: device.metadata(), keys: [...targets, online], add: [other] });
    for (const [name, bytes] of fresh) files.set(name, bytes);
    expect(await device.refresh()).toMatchObject({ targets: 2 });
  });

  it('takes turns when it is asked at the same time', async () => {
    const answers = await Promise.all([
      device.refresh(),
      device.target(target.path),
      device.refresh(),
      device.targets(),
    ]);
    expect(answers[1]).toMatchObject({ path: target.path });
    expect(await readdir(dir)).toEqual(['trusted.json']);
  });
});

describe('rotation', () => {
  it('follows a chain of roots to keys that it has never seen', async () => {
    await device.refresh();
    const [root2, root3, online2] = [createKey(), createKey(), createKey()];
    const steps = [rotateRoot({ previous: files, roleKeys: { root: [root2.public] }, keys: [root, root2] })];
    for (const [name, bytes] of steps[0]!) files.set(name, bytes);
    const last = rotateRoot({
      previous: files,
      roleKeys: { root: [root3.public], snapshot: [online2.public], timestamp: [online2.public] },
      keys: [root2, root3, online2],
    });
    for (const [name, bytes] of last) files.set(name, bytes);
    expect(await device.refresh()).toEqual({ root: 3, timestamp: 2, snapshot: 2, targets: 1 });
    expect(await device.target(target.path)).toMatchObject({ length: 3 });
  });

  it('keeps the roots that it verified although the refresh fails afterwards', async () => {
    for (const [name, bytes] of rotateRoot({ previous: files, keys: [root] })) files.set(name, bytes);
    files.delete('timestamp.json');
    await expect(device.refresh()).rejects.toMatchObject({ code: 'metadata-missing' });
    expect((await openDevice()).versions().root).toBe(2);
  });
});

describe('the store of a device', () => {
  it('is not believed when it is damaged', async () => {
    await device.refresh();
    const path = join(dir, 'trusted.json');
    const text = await readFile(path, 'utf8');
    for (const damage of [
      '',
      text.slice(0, text.length / 2),
      '{"format":"verge-trusted-metadata","version":1,"files":{}}',
      '{"version":2}',
    ]) {
      await writeFile(path, damage);
      await expect(openDevice()).rejects.toMatchObject({ code: 'trusted-state-damaged' });
    }
  });

  it('survives what a killed process leaves behind', async () => {
    await device.refresh();
    await mkdir(join(dir, 'refresh-dead'));
    await writeFile(join(dir, 'refresh-dead', 'timestamp.json'), 'half a fi');
    await writeFile(join(dir, 'trusted.json.new'), '{"format":"verge-tru');
    const restarted = await openDevice();
    publish({ add: [other] });
    expect(await restarted.refresh()).toMatchObject({ targets: 2 });
    expect((await readdir(dir)).sort()).toEqual(['refresh-dead', 'trusted.json']);
  });

  it('names a folder that cannot be written', async () => {
    const file = join(scratch, 'a-file');
    await writeFile(file, '');
    const opening = RepositoryClient.open({
      dir: join(file, 'x'),
      trustedRoot: files.get('1.root.json')!,
      fetch: async () => null,
    });
    await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/^trusted-state-/) });
  });
});
