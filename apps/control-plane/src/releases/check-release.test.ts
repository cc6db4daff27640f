import { describe, expect, it } from 'vitest';
import type { MetadataFiles, SigningKey } from '@verge/trust/publish';
import { createKey, initRepository, renewRepository, rotateRoot, updateTargets } from '@verge/trust/publish';
import { checkRelease } from './check-release.js';

const target = (n: number) => ({ path: `digits/${n}/x64/${n}.json`, length: 100 + n, sha256: String(n).repeat(64) });
const artifact = (n: number) => ({
  id: String(n),
  targetPath: target(n).path,
  manifestDigest: `sha256:${target(n).sha256}`,
  manifestBytes: target(n).length,
});
const none: MetadataFiles = new Map();
const all = (key: SigningKey) => ({ root: [key], targets: [key], snapshot: [key], timestamp: [key] });

function first(key: SigningKey, options: { now?: Date } = {}) {
  return initRepository({ keys: all(key), targets: [target(1)], ...options });
}

describe('checkRelease', () => {
  it('believes a first release that is consistent in itself, and the next that follows from it', async () => {
    const key = createKey();
    const published = first(key);
    expect(await checkRelease({ published: none, uploaded: published, artifacts: [artifact(1)] })).toMatchObject({
      ok: true,
      targetsVersion: 1,
    });
    const uploaded = updateTargets({ previous: published, keys: [key], add: [target(2)] });
    const verdict = await checkRelease({ published, uploaded, artifacts: [artifact(2)] });
    expect(verdict).toMatchObject({ ok: true, targetsVersion: 2 });
  });

  it('refuses what nobody known has signed', async () => {
    const published = first(createKey());
    const foreign = createKey();
    const uploaded = updateTargets({ previous: first(foreign), keys: [foreign], add: [target(2)] });
    const verdict = await checkRelease({ published, uploaded, artifacts: [artifact(2)] });
    expect(verdict).toMatchObject({ ok: false, errors: [{ detail: expect.stringMatching(/^metadata-unsigned: /) }] });
  });

  it('refuses metadata that has expired', async () => {
    const uploaded = first(createKey(), { now: new Date(Date.now() - 400 * 86_400_000) });
    const verdict = await checkRelease({ published: none, uploaded, artifacts: [artifact(1)] });
    expect(verdict).toMatchObject({ ok: false, errors: [{ detail: expect.stringMatching(/^metadata-expired: /) }] });
  });

  it('refuses to go back, to stand still, and to change what was published', async () => {
    const key = createKey();
    const old = first(key);
    const published = new Map([...old, ...updateTargets({ previous: old, keys: [key], add: [target(2)] })]);
    const back = await checkRelease({ published, uploaded: old, artifacts: [artifact(1)] });
    expect(back).toMatchObject({ ok: false, errors: [{ detail: expect.stringMatching(/^metadata-rollback: /) }] });
    const same = new Map([['timestamp.json', published.get('timestamp.json')!]]);
    expect(await checkRelease({ published, uploaded: same, artifacts: [artifact(1)] })).toMatchObject({
      ok: false,
      errors: [{ detail: 'timestamp.json: expected a version after 2, got 2' }],
    });
    const other = updateTargets({ previous: old, keys: [key], add: [{ ...target(2), length: 7 }] });
    expect(await checkRelease({ published, uploaded: other, artifacts: [] })).toMatchObject({
      ok: false,
      errors: [
        { detail: '2.targets.json was published with other content' },
        { detail: '2.snapshot.json was published with other content' },
      ],
    });
  });

  it('names every artifact that is not listed as it is', async () => {
    const uploaded = initRepository({ keys: all(createKey()), targets: [{ ...target(1), length: 5 }] });
    const verdict = await checkRelease({ published: none, uploaded, artifacts: [artifact(1), artifact(2)] });
    expect(verdict).toMatchObject({
      ok: false,
      errors: [
        { field: '/artifacts/0', detail: 'digits/1/x64/1.json: expected length 101, got 5' },
        { field: '/artifacts/1', detail: 'targets.json does not list digits/2/x64/2.json' },
      ],
    });
  });

  it('follows a root that passes on its keys, and refuses one that does not', async () => {
    const [key, next] = [createKey(), createKey()];
    const published = first(key);
    const root = rotateRoot({ previous: published, roleKeys: mapped([next]), keys: [key, next] });
    const rotated = new Map([...published, ...root]);
    const uploaded = new Map([...root, ...updateTargets({ previous: rotated, keys: [next], add: [target(2)] })]);
    expect(await checkRelease({ published, uploaded, artifacts: [artifact(2)] })).toMatchObject({ ok: true });
    const { '2.root.json': _, ...rest } = Object.fromEntries(uploaded);
    expect(await checkRelease({ published, uploaded: new Map(Object.entries(rest)), artifacts: [] })).toMatchObject({
      ok: false,
    });
  });

  it('takes renewed, rotated and withdrawn metadata that releases nothing', async () => {
    const [key, next] = [createKey(), createKey()];
    let published = first(key);
    const steps: [() => MetadataFiles, object][] = [
      [() => renewRepository({ previous: published, keys: [key], all: true }).files, { versions: { root: 2 } }],
      [
        () => rotateRoot({ previous: published, keys: [key, next], roleKeys: mapped([next]) }),
        { versions: { root: 3 } },
      ],
      // Root keys may lie elsewhere than the timestamp's: then the new root comes alone.
      [
        () =>
          new Map([...rotateRoot({ previous: published, keys: [next] })].filter(([name]) => name === '4.root.json')),
        { versions: { root: 4 } },
      ],
      [
        () => updateTargets({ previous: published, keys: [next], withdraw: [{ path: target(1).path, reason: 'wet' }] }),
        { withdrawn: [{ path: target(1).path, sha256: target(1).sha256, reason: 'wet' }] },
      ],
    ];
    for (const [step, expected] of steps) {
      const uploaded = step();
      expect(await checkRelease({ published, uploaded, artifacts: [] })).toMatchObject({ ok: true, ...expected });
      published = new Map([...published, ...uploaded]);
    }
  });

  it('refuses roots with a gap, and files that nothing leads to', async () => {
    const key = createKey();
    const published = first(key);
    let all = published;
    for (let i = 0; i < 2; i++) all = new Map([...all, ...rotateRoot({ previous: all, keys: [key] })]);
    const later = updateTargets({ previous: all, keys: [key], add: [target(2)] });
    const uploaded = new Map([
      ['3.root.json', all.get('3.root.json')!],
      ...later,
      ['9.targets.json', all.get('1.targets.json')!],
    ]);
    expect(await checkRelease({ published, uploaded, artifacts: [] })).toMatchObject({
      ok: false,
      errors: [
        { detail: expect.stringContaining('3.root.json: expected 2.root.json before it') },
        { detail: '9.targets.json: the timestamp leads to version 2 of targets' },
      ],
    });
  });

  it('refuses to go back although what is published has expired', async () => {
    const key = createKey();
    const old = first(key, { now: new Date(Date.now() - 400 * 86_400_000) });
    const add = { previous: old, keys: [key], add: [target(2)], now: new Date(Date.now() - 395 * 86_400_000) };
    const published = new Map([...old, ...updateTargets(add)]);
    const fork = renewRepository({ previous: old, keys: [key], all: true }).files;
    const longer = renewRepository({ previous: new Map([...old, ...fork]), keys: [key] }).files;
    // The same versions of root and timestamp or later ones, over the targets of before.
    const uploaded = new Map([...fork, ...longer]);
    expect(await checkRelease({ published, uploaded, artifacts: [] })).toMatchObject({ ok: false });
    const renewed = renewRepository({ previous: published, keys: [key] }).files;
    expect(await checkRelease({ published, uploaded: renewed, artifacts: [] })).toMatchObject({ ok: true });
  });

  it('refuses to drop a target in silence, and to forget or undo a withdrawal', async () => {
    const key = createKey();
    const published = initRepository({ keys: all(key), targets: [target(1), target(2)] });
    const withdraw = [{ path: target(1).path, reason: 'wet' }];
    const withdrawn = new Map([...published, ...updateTargets({ previous: published, keys: [key], withdraw })]);
    /** Signed by the right key with another list, as a person with an old folder or bad intent could. */
    const other = (targets: ReturnType<typeof target>[], steps: number) => {
      let files = initRepository({ keys: all(key), targets });
      for (let i = 0; i < steps; i++) {
        files = new Map([...files, ...updateTargets({ previous: files, keys: [key] })]);
      }
      return new Map([...files].filter(([name]) => name === 'timestamp.json' || name.startsWith(`${steps + 1}.`)));
    };
    for (const [before, uploaded, detail] of [
      [published, other([target(2)], 1), 'is no longer listed'],
      [withdrawn, other([target(2)], 2), 'was withdrawn, and the record of it is missing'],
      [withdrawn, other([target(1), target(2)], 2), 'was withdrawn, and the record of it is missing'],
    ] as const) {
      expect(await checkRelease({ published: before, uploaded, artifacts: [] })).toMatchObject({
        ok: false,
        errors: [{ detail: expect.stringContaining(detail) }],
      });
    }
  });

  it('asks for a root at first', async () => {
    const uploaded = new Map([['timestamp.json', first(createKey()).get('timestamp.json')!]]);
    expect(await checkRelease({ published: none, uploaded, artifacts: [] })).toMatchObject({
      ok: false,
      errors: [{ field: '/metadata', detail: 'expected 1.root.json with the first release' }],
    });
  });
});

function mapped(keys: SigningKey[]) {
  const publicKeys = keys.map((key) => key.public);
  return { root: publicKeys, targets: publicKeys, snapshot: publicKeys, timestamp: publicKeys };
}
