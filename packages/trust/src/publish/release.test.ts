import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createKey,
  draftTargets,
  initRepository,
  readDraft,
  readRepository,
  renewRepository,
  repositoryStatus,
  rotateRoot,
  sealTargets,
  signTargets,
  updateTargets,
} from './index.js';
import type { MetadataFiles, SigningKey, Target } from './index.js';

const now = new Date('2030-01-01T00:00:00.750Z');
const target: Target = {
  path: 'digits/1/cpu/model.json',
  length: 3,
  sha256: 'aa'.repeat(32),
  custom: { note: 'first' },
};
const other: Target = { path: 'digits/2/cpu/model.json', length: 4, sha256: 'bb'.repeat(32) };

let rootKey: SigningKey;
let alice: SigningKey;
let bob: SigningKey;
let online: SigningKey;
let files: MetadataFiles;

beforeEach(() => {
  [rootKey, alice, bob, online] = [createKey(), createKey(), createKey(), createKey()];
  files = initRepository({
    keys: { root: [rootKey], targets: [alice, bob], snapshot: [online], timestamp: [online] },
    thresholds: { targets: 2 },
    targets: [target],
    lifetimes: { timestamp: 1 },
    now,
  });
});

const merged = (fresh: MetadataFiles): MetadataFiles => new Map([...files, ...fresh]);
const json = (bytes: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(bytes));

describe('a new repository', () => {
  it('is laid out as the TUF specification says', () => {
    expect([...files.keys()].sort()).toEqual(['1.root.json', '1.snapshot.json', '1.targets.json', 'timestamp.json']);
    const { signed, signatures } = json(files.get('1.root.json'));
    expect(signed).toMatchObject({ _type: 'root', spec_version: '1.0.31', version: 1, consistent_snapshot: true });
    expect(signed.roles.targets).toEqual({ keyids: [alice.keyid, bob.keyid], threshold: 2 });
    expect(signed.keys[alice.keyid]).toEqual({ keytype: 'ed25519', scheme: 'ed25519', keyval: alice.public.keyval });
    expect(Object.keys(signed.keys)).toHaveLength(4);
    expect(signatures).toHaveLength(1);
    expect(json(files.get('timestamp.json')).signed.expires).toBe('2030-01-02T00:00:00Z');
    expect(json(files.get('1.targets.json')).signed.targets[target.path]).toEqual({
      length: 3,
      hashes: { sha256: target.sha256 },
      custom: { note: 'first' },
    });
    const { length, hashes } = json(files.get('timestamp.json')).signed.meta['snapshot.json'];
    expect(length).toBe(files.get('1.snapshot.json')?.length);
    expect(hashes.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuses thresholds that its keys cannot reach, all at once', () => {
    const keys = { root: [rootKey, rootKey], targets: [], snapshot: [online], timestamp: [online] };
    expect(() => initRepository({ keys, thresholds: { root: 2, snapshot: 0 } })).toThrow(
      expect.objectContaining({ code: 'input-invalid', message: expect.stringMatching(/root.*targets.*snapshot/) }),
    );
  });

  it('refuses bad targets, naming every field', () => {
    const keys = { root: [rootKey], targets: [alice], snapshot: [online], timestamp: [online] };
    const targets = [{ path: '/etc/passwd', length: -1, sha256: 'AA' }, other, other];
    expect(() => initRepository({ keys, targets })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/\[0\]\.path.*\[0\]\.length.*\[0\]\.sha256.*\[2\]\.path.*twice/),
      }),
    );
    for (const path of ['', 'a//b', '../a', 'a/../b', 'a/.', 'a\\b', 'a b', 'a/', 'a\u0000', '__proto__']) {
      expect(() => initRepository({ keys, targets: [{ ...other, path }] })).toThrow(/path/);
    }
  });
});

describe('an update', () => {
  it('replaces, adds and withdraws targets under new versions', () => {
    const keys = [alice, bob, online];
    const fresh = updateTargets({ previous: files, keys, add: [other, { ...target, length: 9 }], now });
    expect([...fresh.keys()].sort()).toEqual(['2.snapshot.json', '2.targets.json', 'timestamp.json']);
    const state = readRepository(merged(fresh));
    expect(state.versions).toEqual({ root: 1, targets: 2, snapshot: 2, timestamp: 2 });
    expect(state.targets).toEqual([{ ...target, length: 9 }, other]);
    const withdraw = [{ path: target.path, reason: 'it answers wrongly in the rain' }];
    const less = new Map([...merged(fresh), ...updateTargets({ previous: merged(fresh), keys, withdraw, now })]);
    expect(readRepository(less).targets).toEqual([other]);
    const record = { path: target.path, sha256: target.sha256, reason: withdraw[0]!.reason };
    const withdrawnAt = `${now.toISOString().slice(0, 19)}Z`;
    expect(readRepository(less).withdrawn).toEqual([{ ...record, withdrawnAt }]);
  });

  it('refuses to be signed by too few', () => {
    for (const keys of [[alice, online], [alice, alice, online], [alice, createKey(), online], [alice, bob], []]) {
      expect(() => updateTargets({ previous: files, keys, add: [other], now })).toThrow(
        expect.objectContaining({ code: 'threshold-not-met' }),
      );
    }
  });

  it('refuses to withdraw what is not there, and without a reason that can be shown', () => {
    const update = (withdraw: { path: string; reason: string }[]) =>
      updateTargets({ previous: files, keys: [alice, bob, online], withdraw });
    expect(() => update([{ path: 'x', reason: 'why' }])).toThrow(
      expect.objectContaining({ code: 'target-unknown', message: expect.stringContaining('x') }),
    );
    expect(() =>
      update([
        { path: target.path, reason: '' },
        { path: target.path, reason: 'a\u001b[2J' },
      ]),
    ).toThrow(expect.objectContaining({ message: expect.stringMatching(/\[0\]\.reason.*twice.*\[1\]\.reason/) }));
  });

  it('never lists again what was withdrawn, under any path, and keeps the record through all that follows', () => {
    const keys = [alice, bob, online, rootKey];
    const withdraw = [{ path: target.path, reason: 'stolen' }];
    let all = merged(updateTargets({ previous: files, keys, withdraw, now }));
    for (const path of [target.path, 'another/path.json']) {
      expect(() => updateTargets({ previous: all, keys, add: [{ ...target, path }] })).toThrow(
        expect.objectContaining({ code: 'input-invalid', message: expect.stringContaining('was withdrawn') }),
      );
    }
    const record = readRepository(all).withdrawn;
    for (const step of [
      () => updateTargets({ previous: all, keys, add: [other], now }),
      () => renewRepository({ previous: all, keys, all: true, now }).files,
      () => rotateRoot({ previous: all, keys, roleKeys: { targets: [alice.public, bob.public] }, now }),
    ]) {
      all = new Map([...all, ...step()]);
      expect(readRepository(all).withdrawn).toEqual(record);
    }
  });

  it('builds on nothing that is not signed', () => {
    const keys = [alice, bob, online];
    const stranger = createKey();
    const foreign = initRepository({
      keys: { root: [stranger], targets: [stranger], snapshot: [stranger], timestamp: [stranger] },
    });
    const cases: MetadataFiles[] = [
      merged(
        new Map([
          [
            '1.targets.json',
            new TextEncoder().encode(new TextDecoder().decode(files.get('1.targets.json')).replace('aa', 'ab')),
          ],
        ]),
      ),
      merged(new Map([['1.snapshot.json', foreign.get('1.snapshot.json')!]])),
      merged(new Map([['timestamp.json', foreign.get('timestamp.json')!]])),
      merged(new Map([['2.root.json', foreign.get('1.root.json')!]])),
      merged(new Map([['timestamp.json', new Uint8Array([0xff])]])),
      new Map([...files].filter(([name]) => name !== '1.targets.json')),
      new Map(),
    ];
    for (const previous of cases) {
      expect(() => updateTargets({ previous, keys, add: [other] })).toThrow(
        expect.objectContaining({ code: 'repository-invalid' }),
      );
    }
    const trustedRoot = files.get('1.root.json')!;
    expect(() => updateTargets({ previous: foreign, trustedRoot, keys: [stranger], add: [other] })).toThrow(
      expect.objectContaining({ code: 'repository-invalid' }),
    );
  });

  it('keeps any mix of targets exactly', () => {
    const targets = fc.uniqueArray(
      fc.record({
        path: fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9._-]{1,8}x){0,2}$/),
        length: fc.nat(),
        sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
        custom: fc.dictionary(
          fc.stringMatching(/^[a-z]{1,5}$/),
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.integer().map((n) => n || 0),
          ),
        ),
      }),
      { selector: (one) => one.path, maxLength: 6 },
    );
    fc.assert(
      fc.property(targets, (add) => {
        const fresh = updateTargets({ previous: files, keys: [alice, bob, online], add, now });
        const found = readRepository(merged(fresh)).targets;
        const kept = add.some(({ path }) => path === target.path) ? [] : [target];
        expect(found).toEqual([...kept, ...add].sort((a, b) => (a.path < b.path ? -1 : 1)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('signing by several people', () => {
  it('goes from hand to hand until enough have signed', () => {
    const draft = draftTargets({ previous: files, keys: [alice], add: [other], now });
    expect(draft.missing).toBe(1);
    expect(readDraft(draft.file)).toMatchObject({ version: 2, targets: [{ path: target.path }, { path: other.path }] });
    const seal = (targets: Uint8Array) => sealTargets({ previous: files, targets, keys: [online], now });
    expect(() => seal(draft.file)).toThrow(expect.objectContaining({ code: 'threshold-not-met' }));
    expect(() => signTargets({ previous: files, targets: draft.file, keys: [online] })).toThrow(
      expect.objectContaining({ code: 'threshold-not-met' }),
    );
    const again = signTargets({ previous: files, targets: draft.file, keys: [alice] });
    expect(again.missing).toBe(1);
    const both = signTargets({ previous: files, targets: again.file, keys: [bob] });
    expect(both.missing).toBe(0);
    expect(readRepository(merged(seal(both.file))).versions.targets).toBe(2);
  });

  it('notices when the draft was changed on the way', () => {
    const draft = draftTargets({ previous: files, keys: [alice], add: [other], now });
    const changed = new TextEncoder().encode(new TextDecoder().decode(draft.file).replace('bb', 'cc'));
    const signed = signTargets({ previous: files, targets: changed, keys: [bob] });
    expect(signed.missing).toBe(1);
    expect(() => sealTargets({ previous: files, targets: signed.file, keys: [online] })).toThrow(
      expect.objectContaining({ code: 'threshold-not-met' }),
    );
  });

  it('refuses a draft of another moment', () => {
    const draft = draftTargets({ previous: files, keys: [alice, bob], add: [other], now });
    files = merged(updateTargets({ previous: files, keys: [alice, bob, online], now }));
    expect(() => sealTargets({ previous: files, targets: draft.file, keys: [online] })).toThrow(
      expect.objectContaining({ code: 'input-invalid', message: expect.stringContaining('version') }),
    );
  });
});

describe('renewal and rotation', () => {
  const later = (days: number) => new Date(now.getTime() + days * 86_400_000);
  const expiriesOf = (all: MetadataFiles) =>
    Object.fromEntries(repositoryStatus(all).roles.map(({ role, expires }) => [role, expires.getTime()]));

  it('extends the life of what is signed, of each role when its end is near', () => {
    const keys = [rootKey, alice, bob, online];
    const renew = (days: number) => renewRepository({ previous: files, keys, now: later(days) });
    for (const [days, renewed, versions] of [
      [1, ['timestamp'], { root: 1, targets: 1, snapshot: 1, timestamp: 2 }],
      [61, ['snapshot', 'timestamp'], { root: 1, targets: 1, snapshot: 2, timestamp: 2 }],
      [121, ['targets', 'snapshot', 'timestamp'], { root: 1, targets: 2, snapshot: 2, timestamp: 2 }],
      [400, ['root', 'targets', 'snapshot', 'timestamp'], { root: 2, targets: 2, snapshot: 2, timestamp: 2 }],
    ] as const) {
      const fresh = renew(days);
      expect(fresh).toMatchObject({ renewed, lacking: [] });
      expect(readRepository(merged(fresh.files)).versions).toEqual(versions);
      const [before, after] = [expiriesOf(files), expiriesOf(merged(fresh.files))];
      for (const role of renewed) expect(after[role]).toBeGreaterThan(Math.max(before[role]!, later(days).getTime()));
    }
  });

  it('renews what the keys at hand can, and says what they cannot', () => {
    const fresh = renewRepository({ previous: files, keys: [online], now: later(130) });
    expect(fresh).toMatchObject({ renewed: ['snapshot', 'timestamp'], lacking: ['targets'] });
    expect(() => renewRepository({ previous: files, keys: [alice] })).toThrow(
      expect.objectContaining({ code: 'threshold-not-met' }),
    );
  });

  it('needs the old root keys and the new ones', () => {
    const next = createKey();
    const rotate = (keys: SigningKey[]) =>
      rotateRoot({ previous: files, roleKeys: { root: [next.public] }, keys, now });
    expect(() => rotate([rootKey])).toThrow(expect.objectContaining({ code: 'threshold-not-met' }));
    expect(() => rotate([next])).toThrow(expect.objectContaining({ code: 'threshold-not-met' }));
    const fresh = rotate([rootKey, next]);
    expect([...fresh.keys()]).toEqual(['2.root.json']);
    expect(json(fresh.get('2.root.json')).signatures).toHaveLength(2);
    expect(readRepository(merged(fresh)).versions.root).toBe(2);
  });

  it('signs the other roles anew where their keys change', () => {
    const carol = createKey();
    const fresh = rotateRoot({
      previous: files,
      roleKeys: { targets: [carol.public] },
      thresholds: { targets: 1 },
      keys: [rootKey, carol, online],
      now,
    });
    const state = readRepository(merged(fresh));
    expect(state.versions).toEqual({ root: 2, targets: 2, snapshot: 2, timestamp: 2 });
    expect(state.targets).toEqual([target]);
    expect(() => updateTargets({ previous: merged(fresh), keys: [alice, bob, online] })).toThrow(
      expect.objectContaining({ code: 'threshold-not-met' }),
    );
  });
});
