import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createKey,
  draftTargets,
  initRepository,
  readDraft,
  readRepository,
  renewTimestamp,
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
  it('replaces, adds and removes targets under new versions', () => {
    const keys = [alice, bob, online];
    const fresh = updateTargets({ previous: files, keys, add: [other, { ...target, length: 9 }], now });
    expect([...fresh.keys()].sort()).toEqual(['2.snapshot.json', '2.targets.json', 'timestamp.json']);
    const state = readRepository(merged(fresh));
    expect(state.versions).toEqual({ root: 1, targets: 2, snapshot: 2, timestamp: 2 });
    expect(state.targets).toEqual([{ ...target, length: 9 }, other]);
    const removed = updateTargets({ previous: merged(fresh), keys, remove: [target.path], now });
    expect(readRepository(new Map([...merged(fresh), ...removed])).targets).toEqual([other]);
  });

  it('refuses to be signed by too few', () => {
    for (const keys of [[alice, online], [alice, alice, online], [alice, createKey(), online], [alice, bob], []]) {
      expect(() => updateTargets({ previous: files, keys, add: [other], now })).toThrow(
        expect.objectContaining({ code: 'threshold-not-met' }),
      );
    }
  });

  it('refuses to remove what is not there', () => {
    expect(() => updateTargets({ previous: files, keys: [alice, bob, online], remove: ['x', target.path] })).toThrow(
      expect.objectContaining({ code: 'target-unknown', message: expect.stringContaining('x') }),
    );
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
        const fresh = updateTargets({ previous: files, keys: [alice, bob, online], add, remove: [target.path], now });
        const found = readRepository(merged(fresh)).targets;
        expect(found).toEqual([...add].sort((a, b) => (a.path < b.path ? -1 : 1)));
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
  it('extends the life of what is signed', () => {
    const fresh = renewTimestamp({ previous: files, keys: [online], now });
    expect(readRepository(merged(fresh)).versions).toEqual({ root: 1, targets: 1, snapshot: 2, timestamp: 2 });
    expect(() => renewTimestamp({ previous: files, keys: [alice] })).toThrow(
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
