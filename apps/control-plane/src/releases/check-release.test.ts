import { describe, expect, it } from 'vitest';
import type { MetadataFiles, SigningKey } from '@verge/trust/publish';
import { createKey, initRepository, rotateRoot, updateTargets } from '@verge/trust/publish';
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
