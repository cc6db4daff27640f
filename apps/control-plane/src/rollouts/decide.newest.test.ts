/** Newest intent wins: a rollout lets go of devices that were moved, revoked, or spoken to by a newer rollout. */
import { describe, expect, it } from 'vitest';
import { lookUntil, rolloutOf, see } from '../../test/rollouts/snapshots.js';
import type { RolloutDecision, RolloutSnapshot } from './snapshot.js';

const served = { requests: 10, errors: 0, p50Ms: 10, event: 'activate', activeDigest: 'new' } as const;
const quick = { observeSeconds: 0, minRequests: 0 };
const failure = { event: 'fail', error: { code: 'SELF_TEST_FAILED', message: 'differs by 3' } } as const;
const states = (snapshot: RolloutSnapshot) => Object.fromEntries(snapshot.devices.map((d) => [d.deviceId, d.state]));
const desires = (d: RolloutDecision) =>
  d.effects.flatMap((e) => (e.kind === 'desire' ? [`${e.deviceId}=${e.digest}`] : []));
const start = (waves: number[], overrides = {}) => {
  const begin = rolloutOf(waves, { ...quick, ...overrides });
  return lookUntil(begin, see(begin), 0).next;
};

describe('a device that was moved to another group', () => {
  it('is not offered what its former group gets', () => {
    const now = start([1, 2]);
    const next = lookUntil(now, see(now, { '0.0': served, '1.0': { moved: true } }), 1000);
    expect(desires(next)).toEqual(['1.1=new']);
    expect(next.next.devices[1]).toMatchObject({ state: 'skipped', error: { code: 'MOVED' } });
  });

  it('is still taken back by the rollout that gave it the version, unless a newer one has spoken', () => {
    const now = start([2], { minRequests: 10 });
    const both = lookUntil(now, see(now, { '0.0': served, '0.1': { ...served, moved: true } }), 1000);
    expect(both.next.state).toBe('succeeded');
    const bad = lookUntil(now, see(now, { '0.0': failure, '0.1': { ...served, moved: true } }), 1000);
    expect(desires(bad)).toContain('0.1=old');
  });
});

describe('a device that a newer rollout has spoken to', () => {
  it.each(['waiting', 'offered', 'pending', 'updating', 'stalled', 'updated', 'reverting'] as const)(
    'is let go when it is %s: neither overwritten, nor judged, nor taken down',
    (state) => {
      const base = start([2], { minRequests: 10 });
      const reverting = state === 'reverting';
      const devices = base.devices.map((d, i) => (i === 0 ? { ...d, state, sinceClock: 0 } : d));
      const now = { ...base, devices, state: reverting ? ('reverting' as const) : base.state };
      const seen = { '0.0': { ...failure, superseded: true, errors: 99, requests: 100 } };
      const next = lookUntil(now, see(now, seen), 1000);
      expect(next.next.devices[0]).toMatchObject({ state: 'skipped', error: { code: 'SUPERSEDED' } });
      expect(desires(next)).toEqual([]);
      // Nobody else was being taken back, so a rollout that was reverting has ended.
      expect(next.next.state).toBe(reverting ? 'reverted' : now.state);
    },
  );

  it('is not taken back in the same look in which the older rollout stops', () => {
    const now = start([2]);
    const stopped = lookUntil(now, see(now, { '0.0': failure, '0.1': { ...served, superseded: true } }), 1000);
    expect(stopped.next.state).toBe('reverting');
    expect(desires(stopped)).toEqual(['0.0=old']);
  });

  it('stays written down as updated in a rollout that had ended before', () => {
    const now = start([1]);
    const done = lookUntil(now, see(now, { '0.0': served }), 1000).next;
    expect(done.state).toBe('succeeded');
    expect(states(lookUntil(done, see(done, { '0.0': { superseded: true } }), 2000).next)).toEqual({
      '0.0': 'updated',
    });
  });

  it('is no longer pending in a rollout that ended without it', () => {
    const now = start([2]);
    const done = lookUntil(now, see(now, { '0.0': served }), 700_000).next;
    expect([done.state, states(done)['0.1']]).toEqual(['succeeded', 'pending']);
    expect(states(lookUntil(done, see(done, { '0.1': { superseded: true } }), 701_000).next)['0.1']).toBe('skipped');
  });
});

describe('a wave whose devices have all left', () => {
  it('pauses the rollout rather than passing without evidence, and a resume starts the next wave', () => {
    const now = start([1, 1]);
    const paused = lookUntil(now, see(now, { '0.0': { revoked: true } }), 1000).next;
    expect(paused.state).toBe('paused');
    expect(paused.reason).toMatch(/^wave 1: paused, for none of its devices is left/);
    expect(paused.waves.map((w) => w.state)).toEqual(['unreached', 'waiting']);
    const resumed = lookUntil(paused, see(paused, {}, 'resume'), 2000);
    expect(desires(resumed)).toEqual(['1.0=new']);
  });

  it('ends a rollout that has nobody left', () => {
    const now = start([1]);
    const ended = lookUntil(now, see(now, { '0.0': { revoked: true } }), 1000).next;
    expect(ended).toMatchObject({ state: 'cancelled', reason: 'none of its devices is left in the rollout' });
  });

  it('does not count a device that was revoked in the middle of its update as a failure of the model', () => {
    let now = start([2]);
    now = lookUntil(now, see(now, { '0.0': { event: 'begin' } }), 1000).next;
    const done = lookUntil(now, see(now, { '0.0': { event: 'begin', revoked: true }, '0.1': served }), 2000).next;
    expect([done.state, states(done)['0.0']]).toEqual(['succeeded', 'skipped']);
  });
});
