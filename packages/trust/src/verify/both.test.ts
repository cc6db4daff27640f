import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createKey,
  directorMetadata,
  initDirector,
  initRepository,
  rotateDirector,
  updateTargets,
} from '../publish/index.js';
import type { MetadataFiles, Target } from '../publish/index.js';
import { RepositoryClient, verifyAgain, verifyBoth, verifyRepository } from './index.js';

const target: Target = { path: 'digits/1/cpu/model.json', length: 3, sha256: 'aa'.repeat(32) };
const versions = { targets: 1, snapshot: 1, timestamp: 1 };
const expires = new Date(Date.now() + 60_000);

let scratch: string;
let count = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'verge-both-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

function open(files: MetadataFiles): Promise<RepositoryClient> {
  const trustedRoot = files.get('1.root.json')!;
  return RepositoryClient.open({
    dir: join(scratch, String(count++)),
    trustedRoot,
    fetch: async (name) => files.get(name) ?? null,
  });
}

const person = createKey();
const everyRole = { root: [person], targets: [person], snapshot: [person], timestamp: [person] };
const online = createKey();
const roots = initDirector({ key: online });

async function decide(options: { released: Target[]; directed: Target[]; directedTo?: string }) {
  const release = await open(initRepository({ keys: everyRole, targets: options.released }));
  const deviceId = options.directedTo ?? 'me';
  const director = await open(
    directorMetadata({ roots, deviceId, targets: options.directed, versions, key: online, expires }),
  );
  return verifyBoth({ release, director, deviceId: 'me', path: target.path });
}

describe('both repositories', () => {
  it('agree', async () => {
    const agreed = await decide({ released: [{ ...target, custom: { note: 'x' } }], directed: [target] });
    expect(agreed).toEqual({
      path: target.path,
      length: 3,
      sha256: target.sha256,
      releaseCustom: { note: 'x' },
      directorCustom: { deviceId: 'me' },
    });
  });

  it('refuse what only the control plane chose', async () => {
    await expect(decide({ released: [], directed: [target] })).rejects.toMatchObject({ code: 'target-not-released' });
  });

  it('refuse what was released but not chosen for this device', async () => {
    await expect(decide({ released: [target], directed: [] })).rejects.toMatchObject({ code: 'target-not-directed' });
  });

  it("refuse another device's choice", async () => {
    const replayed = decide({ released: [target], directed: [target], directedTo: 'you' });
    await expect(replayed).rejects.toMatchObject({ code: 'target-for-other-device' });
    // The control plane cannot write the name into custom by hand either: directorMetadata has the last word.
    const spoofed = decide({
      released: [target],
      directed: [{ ...target, custom: { deviceId: 'me' } }],
      directedTo: 'you',
    });
    await expect(spoofed).rejects.toMatchObject({ code: 'target-for-other-device' });
  });

  it('refuse to disagree about length or digest, and say about what', async () => {
    const directed = [{ ...target, length: 4, sha256: 'bb'.repeat(32) }];
    await expect(decide({ released: [target], directed })).rejects.toMatchObject({
      code: 'target-disagreement',
      message: expect.stringMatching(/length: 3 released, 4 directed.*sha256: aa.* released, bb.* directed/),
    });
  });
});

describe('the director', () => {
  it('serves one device after another, and moves to a new key', async () => {
    const files = directorMetadata({ roots, deviceId: 'me', targets: [target], versions, key: online, expires });
    const device = await open(files);
    await device.refresh();
    const next = createKey();
    const chain = new Map([...roots, ...rotateDirector({ roots, key: online, nextKey: next })]);
    const later = { targets: 2, snapshot: 2, timestamp: 2 };
    expect(() =>
      directorMetadata({ roots: chain, deviceId: 'me', targets: [], versions: later, key: online, expires }),
    ).toThrow(expect.objectContaining({ code: 'threshold-not-met' }));
    const renewed = directorMetadata({
      roots: chain,
      deviceId: 'me',
      targets: [],
      versions: later,
      key: next,
      expires,
    });
    for (const [name, bytes] of renewed) files.set(name, bytes);
    expect(await device.refresh()).toEqual({ root: 2, ...later });
    expect(await device.targets()).toEqual([]);
  });

  it('names every bad field at once', () => {
    const bad = { targets: 0, snapshot: 1.5, timestamp: 1 };
    expect(() => directorMetadata({ roots, deviceId: '', targets: [], versions: bad, key: online, expires })).toThrow(
      expect.objectContaining({ code: 'input-invalid', message: expect.stringMatching(/targets.*snapshot.*deviceId/) }),
    );
  });
});

describe('a target that was verified here before', () => {
  it('needs the director alone, also when the release metadata has expired, until it is withdrawn', async () => {
    const old = new Date(Date.now() - 40 * 86_400_000);
    let files = initRepository({ keys: everyRole, targets: [target], now: old });
    const dir = await mkdtemp(join(tmpdir(), 'verge-again-'));
    try {
      const fetch = (name: string) => Promise.resolve(files.get(name) ?? null);
      const release = await RepositoryClient.open({ dir, trustedRoot: files.get('1.root.json')!, fetch });
      await expect(release.refresh()).rejects.toMatchObject({ code: 'metadata-expired' });
      const hashes = { sha256: target.sha256 };
      const director = {
        target: (path: string) =>
          Promise.resolve(path === target.path ? { ...target, hashes, custom: { deviceId: 'cam-7' } } : null),
      };
      const again = (path: string, deviceId = 'cam-7') => verifyAgain({ release, director, deviceId, path });
      const both = { release, director, deviceId: 'cam-7', path: target.path };
      await expect(verifyBoth(both)).rejects.toMatchObject({ code: 'metadata-expired' });
      expect(await again(target.path)).toEqual({ path: target.path, length: target.length, sha256: target.sha256 });
      await expect(again('other')).rejects.toMatchObject({ code: 'target-not-directed' });
      await expect(again(target.path, 'cam-8')).rejects.toMatchObject({ code: 'target-for-other-device' });
      const withdraw = [{ path: target.path, reason: 'wrong in the rain' }];
      files = new Map([...files, ...updateTargets({ previous: files, keys: [person], withdraw })]);
      await release.refresh();
      const refusal = { code: 'target-withdrawn', message: expect.stringContaining('wrong in the rain') };
      await expect(again(target.path)).rejects.toMatchObject(refusal);
      await expect(verifyBoth(both)).rejects.toMatchObject(refusal);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

describe('a repository that is handed in', () => {
  it('is judged as a device would', async () => {
    const files = initRepository({ keys: everyRole, targets: [target] });
    const trustedRoot = files.get('1.root.json')!;
    expect(await verifyRepository({ trustedRoot, files })).toMatchObject({
      versions: { root: 1, targets: 1 },
      targets: [{ path: target.path, length: 3 }],
    });
    const fresh = updateTargets({ previous: files, keys: [person], withdraw: [{ path: target.path, reason: 'bad' }] });
    const updated = new Map([...files, ...fresh]);
    const judged = await verifyRepository({ trustedRoot, files: updated, published: files });
    expect(judged).toMatchObject({ versions: { targets: 2 }, targets: [] });
    // Back to the older state: signed, and still refused.
    await expect(verifyRepository({ trustedRoot, files, published: updated })).rejects.toMatchObject({
      code: 'metadata-rollback',
    });
    const stranger = createKey();
    const foreign = initRepository({
      keys: { root: [stranger], targets: [stranger], snapshot: [stranger], timestamp: [stranger] },
    });
    const judgedByOther = verifyRepository({ trustedRoot: foreign.get('1.root.json')!, files });
    await expect(judgedByOther).rejects.toMatchObject({ code: 'metadata-unsigned' });
  });
});
