import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKey, directorMetadata, initDirector, initRepository, updateTargets } from '../publish/index.js';
import { RepositoryClient, verifyBoth } from './index.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verge-trust-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('carries an artifact from the publisher to the device', async () => {
  const [a, b, online] = [createKey(), createKey(), createKey()];
  const target = { path: 'digits/1/cpu/abc.json', length: 42, sha256: 'ab'.repeat(32) };
  const release = initRepository({
    keys: { root: [a, b], targets: [a, b], snapshot: [a], timestamp: [a] },
    thresholds: { root: 2, targets: 2 },
  });
  for (const [name, bytes] of updateTargets({ previous: release, keys: [a, b], add: [target] }))
    release.set(name, bytes);
  const roots = initDirector({ key: online });
  const director = directorMetadata({
    roots,
    deviceId: 'device-1',
    targets: [{ ...target, custom: { slot: 'main' } }],
    versions: { targets: 3, snapshot: 4, timestamp: 5 },
    key: online,
    expires: new Date(Date.now() + 60_000),
  });
  const open = (name: string, files: Map<string, Uint8Array>) =>
    RepositoryClient.open({
      dir: join(dir, name),
      trustedRoot: files.get('1.root.json')!,
      fetch: (file) => Promise.resolve(files.get(file) ?? null),
    });
  const clients = { release: await open('release', release), director: await open('director', director) };
  expect(await clients.release.refresh()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
  expect(await clients.director.refresh()).toEqual({ root: 1, timestamp: 5, snapshot: 4, targets: 3 });
  expect(await verifyBoth({ ...clients, deviceId: 'device-1', path: target.path })).toEqual({
    path: target.path,
    length: 42,
    sha256: target.sha256,
    releaseCustom: {},
    directorCustom: { slot: 'main', deviceId: 'device-1' },
  });
});
