import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKey, initRepository, rotateRoot, updateTargets } from '../publish/index.js';
import type { MetadataFiles, SigningKey, UpdateTargetsOptions } from '../publish/index.js';
import { signedSnapshot, signedTargets, signedTimestamp, signMetadata } from '../publish/metadata.js';
import { RepositoryClient } from './index.js';
import type { TrustErrorCode } from './index.js';

const day = 24 * 60 * 60 * 1000;
const target = { path: 'digits/1/cpu/model.json', length: 3, sha256: 'aa'.repeat(32), custom: { release: 'r1' } };
const other = { path: 'digits/2/cpu/model.json', length: 4, sha256: 'bb'.repeat(32) };
const expires = '2099-01-01T00:00:00Z';

let scratch: string;
let count = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'verge-attacks-'));
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
afterEach(() => {
  vi.useRealTimers();
});

/** Publishes as the owners of the keys would. */
function publish(change: Partial<UpdateTargetsOptions>): MetadataFiles {
  const fresh = updateTargets({ previous: files, keys: [...targets, online], ...change });
  for (const [name, bytes] of fresh) files.set(name, bytes);
  return fresh;
}

/** Signs snapshot and timestamp over given targets with whatever key: what a thief of the online key can do. */
function forge(options: {
  targets: Uint8Array;
  targetsVersion: number;
  version: number;
  key?: SigningKey;
  timestampVersion?: number;
}) {
  const { version, key = online } = options;
  const snapshot = signMetadata(
    signedSnapshot({ version, expires, targetsVersion: options.targetsVersion, targets: options.targets }),
    [key],
  );
  const timestamp = signMetadata(
    signedTimestamp({ version: options.timestampVersion ?? version, expires, snapshotVersion: version, snapshot }),
    [key],
  );
  files.set(`${options.targetsVersion}.targets.json`, options.targets);
  files.set(`${version}.snapshot.json`, snapshot);
  files.set('timestamp.json', timestamp);
}

/** The refresh is refused with this code, and what the device believed before, it still believes. */
async function refused(code: TrustErrorCode, client = device): Promise<void> {
  const before = client.versions();
  await expect(client.refresh()).rejects.toMatchObject({ name: 'TrustError', code });
  const { targets: believed } = client.versions();
  expect(believed).toBe(before.targets);
}

const edited = (name: string, edit: (text: string) => string) => {
  const text = new TextDecoder().decode(files.get(name));
  const changed = edit(text);
  expect(changed).not.toBe(text);
  files.set(name, new TextEncoder().encode(changed));
};

describe('arbitrary software: signatures', () => {
  const evil = () => signedTargets({ version: 2, expires, targets: [{ ...target, sha256: 'ee'.repeat(32) }] });

  it('refuses targets signed with keys that the root does not name', async () => {
    await device.refresh();
    forge({ targets: signMetadata(evil(), [createKey(), createKey()]), targetsVersion: 2, version: 2 });
    await refused('metadata-unsigned');
  });

  it('refuses targets with too few signatures', async () => {
    await device.refresh();
    forge({ targets: signMetadata(evil(), [targets[0]]), targetsVersion: 2, version: 2 });
    await refused('metadata-unsigned');
  });

  it('does not count one key twice', async () => {
    await device.refresh();
    const once = JSON.parse(new TextDecoder().decode(signMetadata(evil(), [targets[0]])));
    const sig = once.signatures[0];
    const doubled = (second: unknown) =>
      new TextEncoder().encode(JSON.stringify({ ...once, signatures: [sig, second] }));
    forge({ targets: doubled(sig), targetsVersion: 2, version: 2 });
    await refused('metadata-invalid');
    forge({ targets: doubled({ ...sig, keyid: targets[1].keyid }), targetsVersion: 2, version: 3 });
    await refused('metadata-unsigned');
  });

  it('refuses a timestamp or a snapshot with a foreign key', async () => {
    forge({ targets: files.get('1.targets.json')!, targetsVersion: 1, version: 2, key: createKey() });
    await refused('metadata-unsigned');
  });

  it('refuses a root that the trusted root does not vouch for, and one that does not sign itself', async () => {
    const thief = createKey();
    const stolen = initRepository({ keys: { root: [thief], targets: [thief], snapshot: [thief], timestamp: [thief] } });
    const forged = JSON.parse(new TextDecoder().decode(stolen.get('1.root.json')));
    forged.signed.version = 2;
    const bytes = signMetadata(forged.signed, [thief]);
    files.set('2.root.json', bytes);
    await refused('metadata-unsigned');
    files.set('2.root.json', signMetadata(forged.signed, [root]));
    await refused('metadata-unsigned');
    expect(device.versions().root).toBe(1);
  });

  it('refuses a first root that is not signed by its own keys', async () => {
    const bytes = new TextEncoder().encode(
      new TextDecoder().decode(files.get('1.root.json')).replace(/"sig": "../, '"sig": "00'),
    );
    const opening = RepositoryClient.open({
      dir: join(scratch, 'unsigned'),
      trustedRoot: bytes,
      fetch: async () => null,
    });
    await expect(opening).rejects.toMatchObject({ code: 'metadata-unsigned' });
    const garbage = RepositoryClient.open({
      dir: join(scratch, 'garbage'),
      trustedRoot: new Uint8Array(3),
      fetch: async () => null,
    });
    await expect(garbage).rejects.toMatchObject({ code: 'metadata-invalid' });
  });
});

describe('tampered content', () => {
  it('refuses a changed length, hash or custom of a target', async () => {
    for (const edit of [
      (text: string) => text.replace('"length": 3', '"length": 9'),
      (text: string) => text.replace('aa', 'ab'),
      (text: string) => text.replace('"r1"', '"r2"'),
    ]) {
      const intact = files.get('1.targets.json')!;
      edited('1.targets.json', edit);
      await refused('metadata-mismatch');
      files.set('1.targets.json', intact);
    }
  });

  it('refuses it also when the online key is stolen and the hashes in the snapshot fit again', async () => {
    edited('1.targets.json', (text) => text.replace('aa', 'ab'));
    forge({ targets: files.get('1.targets.json')!, targetsVersion: 1, version: 2 });
    await refused('metadata-unsigned');
  });

  it('refuses what is not metadata', async () => {
    const garbage = ['', 'null', '{}', '[]', '{"signed":{},"signatures":[]}', '\u0000', '{"signed":', '"timestamp"'];
    for (const text of garbage) {
      files.set('timestamp.json', new TextEncoder().encode(text));
      await refused('metadata-invalid');
    }
  });
});

describe('rollback', () => {
  let old: MetadataFiles;
  beforeEach(async () => {
    old = new Map(files);
    publish({ add: [other] });
    await device.refresh();
  });

  it('refuses an older timestamp', async () => {
    serving = (name) => old.get(name) ?? null;
    await refused('metadata-rollback');
    // Also after a restart: the versions seen are kept.
    await refused('metadata-rollback', await openDevice());
  });

  it('refuses an older snapshot under a newer timestamp', async () => {
    forge({ targets: old.get('1.targets.json')!, targetsVersion: 1, version: 1, timestampVersion: 3 });
    await refused('metadata-rollback');
  });

  it('refuses older targets under a newer snapshot and timestamp', async () => {
    forge({ targets: old.get('1.targets.json')!, targetsVersion: 1, version: 3 });
    await refused('metadata-rollback');
  });

  it('refuses a snapshot that no longer lists what it listed', async () => {
    const snapshot = JSON.parse(new TextDecoder().decode(files.get('2.snapshot.json'))).signed;
    const empty = signMetadata({ ...snapshot, version: 3, meta: {} }, [online]);
    files.set('3.snapshot.json', empty);
    files.set(
      'timestamp.json',
      signMetadata(signedTimestamp({ version: 3, expires, snapshotVersion: 3, snapshot: empty }), [online]),
    );
    await refused('metadata-rollback');
  });

  it('refuses to skip or repeat a root version', async () => {
    const next = rotateRoot({ previous: files, keys: [root] }).get('2.root.json')!;
    files.set('2.root.json', files.get('1.root.json')!);
    await refused('metadata-mismatch');
    files.set('2.root.json', next);
    expect(await device.refresh()).toMatchObject({ root: 2 });
  });
});

describe('freeze', () => {
  const stale = (role: 'targets' | 'snapshot' | 'timestamp' | 'root') => {
    const now = new Date(Date.now() - 2 * day);
    files = initRepository({
      keys: { root: [root], targets, snapshot: [online], timestamp: [online] },
      targets: [target],
      lifetimes: { root: 9, targets: 9, snapshot: 9, timestamp: 9, [role]: 1 },
      now,
    });
  };

  it.each(['root', 'targets', 'snapshot', 'timestamp'] as const)('refuses expired %s metadata', async (role) => {
    stale(role);
    dir = join(scratch, `stale-${role}`);
    device = await openDevice();
    await refused('metadata-expired');
  });

  it('refuses the same metadata once its time is over, from the network and from its own store', async () => {
    await device.refresh();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31 * day });
    await refused('metadata-expired');
    await expect(device.target(target.path)).rejects.toMatchObject({ code: 'metadata-expired' });
    publish({ add: [other] });
    expect(await device.refresh()).toMatchObject({ timestamp: 2 });
  });
});

describe('mix and match', () => {
  it('refuses files of two states of the repository', async () => {
    const old = new Map(files);
    publish({ add: [other] });
    const { [0]: snapshot, [1]: targetsFile } = ['2.snapshot.json', '2.targets.json'] as const;
    files.set(snapshot, old.get('1.snapshot.json')!);
    await refused('metadata-mismatch');
    files = new Map(old);
    publish({ add: [other] });
    files.set(targetsFile, old.get('1.targets.json')!);
    await refused('metadata-mismatch');
  });

  it('refuses a second content for one version, although it is signed', async () => {
    const second = updateTargets({
      previous: new Map(files),
      keys: [...targets, online],
      add: [{ ...other, length: 5 }],
    });
    publish({ add: [other] });
    files.set('2.targets.json', second.get('2.targets.json')!);
    await refused('metadata-mismatch');
  });
});

describe('other refusals', () => {
  it('refuses a specification that it does not know', async () => {
    for (const version of ['2.0.0', 'one', '1.x']) {
      const { signed } = JSON.parse(new TextDecoder().decode(files.get('timestamp.json')));
      files.set('timestamp.json', signMetadata({ ...signed, spec_version: version }, [online]));
      await refused('metadata-spec-unsupported');
    }
  });

  it('refuses metadata without end', async () => {
    files.set('timestamp.json', new Uint8Array(20_000));
    await refused('metadata-too-large');
  });

  it('says what is missing and what could not be fetched', async () => {
    for (const name of ['1.targets.json', '1.snapshot.json', 'timestamp.json']) {
      files.delete(name);
      await refused('metadata-missing');
    }
    const cause = new Error('connection reset');
    serving = () => {
      throw cause;
    };
    await expect(device.refresh()).rejects.toMatchObject({ code: 'metadata-fetch-failed', cause });
  });
});

describe('after a rotation', () => {
  it('refuses what the old online key signs', async () => {
    const next = createKey();
    const roleKeys = { snapshot: [next.public], timestamp: [next.public] };
    for (const [name, bytes] of rotateRoot({ previous: files, roleKeys, keys: [root, next] })) files.set(name, bytes);
    expect(await device.refresh()).toMatchObject({ root: 2, timestamp: 2 });
    forge({ targets: files.get('1.targets.json')!, targetsVersion: 1, version: 9, key: online });
    await refused('metadata-unsigned');
  });
});
