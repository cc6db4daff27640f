import { describe, expect, it } from 'vitest';
import { LifecycleError } from '@verge/contracts';
import { lookUntil as decideRollout, rolloutOf as rollout, see } from '../../test/rollouts/snapshots.js';
import type { DeviceObservation, RolloutDecision, RolloutSnapshot } from './snapshot.js';

const served = { requests: 10, errors: 0, p50Ms: 10 };

const states = (d: RolloutDecision) => Object.fromEntries(d.next.devices.map((x) => [x.deviceId, x.state]));
const desires = (d: RolloutDecision) =>
  d.effects.flatMap((e) => (e.kind === 'desire' ? [`${e.deviceId}=${e.digest}`] : []));
const failure = { event: 'fail' as const, error: { code: 'SELF_TEST_FAILED', message: 'differs by 3' } };

/** A rollout of one canary and two more whose canary was updated at 1 s. */
function updatedCanary(overrides: Partial<RolloutSnapshot['gate']> = {}) {
  const first = decideRollout(rollout([1, 2], overrides), see(rollout([1, 2])), 0).next;
  return decideRollout(first, see(first, { '0.0': { event: 'activate', activeDigest: 'new' } }), 1000).next;
}

describe('waves', () => {
  it('offers the first wave only, remembering what each device goes back to', () => {
    const start = rollout([1, 2]);
    const decision = decideRollout(start, see(start), 5);
    expect(desires(decision)).toEqual(['0.0=new']);
    expect(decision.next.devices[0]).toMatchObject({ state: 'offered', offeredAt: 5, previousDigest: 'old' });
    expect(decision.next.waves.map((w) => w.state)).toEqual(['active', 'waiting']);
  });

  it('goes on once the wave was observed long enough and has had its traffic, and ends succeeded', () => {
    let now = updatedCanary();
    expect(now.waves[0]).toMatchObject({ state: 'active', settledAt: 1000 });
    const early = decideRollout(now, see(now, { '0.0': served }), 60_999);
    expect(early.effects).toEqual([]);
    expect(early.next.reason).toBe('wave 1: observed for 60 s');
    const idle = decideRollout(now, see(now), 61_000);
    expect(idle.next.reason).toBe('wave 1: 1 device has answered fewer than 10 requests so far');
    const passed = decideRollout(now, see(now, { '0.0': served }), 61_000);
    expect(desires(passed)).toEqual(['1.0=new', '1.1=new']);
    expect(passed.next.waves.map((w) => w.state)).toEqual(['passed', 'active']);
    now = passed.next;
    const both = { '1.0': { event: 'activate', ...served }, '1.1': { event: 'activate', ...served } } as const;
    now = decideRollout(now, see(now, { '0.0': served, ...both }), 62_000).next;
    now = decideRollout(now, see(now, { '0.0': served, ...both }), 122_000).next;
    expect(now).toMatchObject({ state: 'succeeded', finishedAt: 122_000, reason: '' });
  });

  it('does not wait for traffic when none is asked for, and skips through waves without time', () => {
    const start = rollout([1, 1], { minRequests: 0, observeSeconds: 0 });
    const first = decideRollout(start, see(start), 0).next;
    const second = decideRollout(first, see(first, { '0.0': { event: 'activate' } }), 1);
    expect(desires(second)).toEqual(['1.0=new']);
  });

  it('succeeds at once without devices', () => {
    expect(decideRollout(rollout([]), see(rollout([])), 3).next).toMatchObject({ state: 'succeeded', finishedAt: 3 });
  });

  it('does not wait for a revoked device, and does not offer it anything', () => {
    const start = rollout([2], { minRequests: 1, observeSeconds: 0 });
    const seen = { '0.0': { revoked: true }, '0.1': { event: 'activate', ...served } } as const;
    const first = decideRollout(start, see(start, seen), 0);
    expect(desires(first)).toEqual(['0.1=new']);
    expect(decideRollout(first.next, see(start, seen), 1).next.state).toBe('succeeded');
  });
});

describe('gate', () => {
  it('stops at the canary when it fails, takes it back and skips the rest', () => {
    const start = rollout([1, 2]);
    const first = decideRollout(start, see(start), 0).next;
    const decision = decideRollout(first, see(first, { '0.0': failure }), 1000);
    expect(desires(decision)).toEqual(['0.0=old']);
    expect(states(decision)).toEqual({ '0.0': 'reverting', '1.0': 'skipped', '1.1': 'skipped' });
    expect(decision.next).toMatchObject({
      state: 'reverting',
      reason: 'wave 1: 1 of 1 devices failed, at most 0 % may; the last one: SELF_TEST_FAILED: differs by 3',
    });
    expect(decision.next.waves.map((w) => w.state)).toEqual(['failed', 'waiting']);
    expect(decision.effects).toContainEqual(expect.objectContaining({ kind: 'audit', action: 'rollout.stop' }));
    const back = decideRollout(decision.next, see(first, { '0.0': { acknowledged: true } }), 2000).next;
    expect(back).toMatchObject({ state: 'reverted', finishedAt: 2000 });
    expect(back.devices[0]!.state).toBe('reverted');
  });

  it('lets a stated fraction fail and takes only those back', () => {
    const start = rollout([4], { maxFailedFraction: 0.25, minRequests: 0, observeSeconds: 0 });
    const first = decideRollout(start, see(start), 0).next;
    const ok = { event: 'activate' as const };
    const seen = { '0.0': failure, '0.1': ok, '0.2': ok, '0.3': ok };
    const decision = decideRollout(first, see(first, seen), 1);
    expect(desires(decision)).toEqual(['0.0=old']);
    expect(decision.next.state).toBe('succeeded');
  });

  it('stops on errors, also at exactly one request more than allowed', () => {
    const now = updatedCanary();
    const at = (errors: number) =>
      decideRollout(now, see(now, { '0.0': { requests: 100, errors, p50Ms: 10 } }), 2000).next.state;
    expect(at(10)).toBe('running');
    expect(at(11)).toBe('reverting');
  });

  it('stops on latency against the same device, and only with enough requests', () => {
    const now = updatedCanary();
    const at = (figures: Partial<DeviceObservation>) =>
      decideRollout(now, see(now, { '0.0': { requests: 10, ...figures } }), 2000).next;
    expect(at({ p50Ms: 15 }).state).toBe('running');
    expect(at({ p50Ms: 16 })).toMatchObject({
      state: 'reverting',
      reason: "wave 1: the median latency is 1.60 times the previous version's, at most 1.5 is allowed",
    });
    expect(at({ p50Ms: 16, requests: 9 }).state).toBe('running');
    expect(at({ p50Ms: 99, baselineP50Ms: null }).state).toBe('running');
  });

  it('compares latencies device by device: slower devices that answer more do not count as a slower model', () => {
    const start = rollout([2], { observeSeconds: 1000 });
    const first = decideRollout(start, see(start), 0).next;
    const fast = { event: 'activate', requests: 10, p50Ms: 1, baselineP50Ms: 1 } as const;
    const slow = { event: 'activate', requests: 10_000, p50Ms: 100, baselineP50Ms: 100 } as const;
    expect(decideRollout(first, see(first, { '0.0': fast, '0.1': slow }), 1).next.state).toBe('running');
    const worse = { ...slow, p50Ms: 200 };
    expect(decideRollout(first, see(first, { '0.0': fast, '0.1': worse }), 1).next.state).toBe('reverting');
  });

  it('watches a wave that has passed until the rollout ends', () => {
    const now = updatedCanary();
    const second = decideRollout(now, see(now, { '0.0': served }), 61_000).next;
    const decision = decideRollout(second, see(second, { '0.0': { ...served, errors: 9 } }), 62_000);
    expect(decision.next.state).toBe('reverting');
    expect(desires(decision).sort()).toEqual(['0.0=old', '1.0=old', '1.1=old']);
    expect(decision.next.waves.map((w) => w.state)).toEqual(['failed', 'failed']);
  });

  it('counts a device that reverted by itself after it was updated', () => {
    const now = updatedCanary();
    expect(decideRollout(now, see(now, { '0.0': failure }), 2000).next.state).toBe('reverting');
  });
});

describe('taking back', () => {
  it('has a device that ran nothing before serve nothing again', () => {
    const start = rollout([1]);
    const bare = { fallbackDigest: null, activeDigest: null };
    const first = decideRollout(start, see(start, { '0.0': bare }), 0).next;
    const runs = { ...bare, activeDigest: 'new', event: 'activate' } as const;
    const updated = decideRollout(first, see(first, { '0.0': runs }), 1).next;
    const stopped = decideRollout(updated, see(updated, { '0.0': runs }, 'revert'), 2);
    expect(desires(stopped)).toEqual(['0.0=null']);
    const still = decideRollout(stopped.next, see(first, { '0.0': { ...runs, acknowledged: true } }), 3);
    expect(states(still)).toEqual({ '0.0': 'reverting' });
    const done = decideRollout(stopped.next, see(first, { '0.0': { ...bare, acknowledged: true } }), 3);
    expect(done.next.state).toBe('reverted');
    expect(states(done)).toEqual({ '0.0': 'reverted' });
  });

  it('waits until the device has answered to the newest desired state', () => {
    const now = updatedCanary();
    const stopped = decideRollout(now, see(now, {}, 'revert'), 2000).next;
    const stale = decideRollout(stopped, see(stopped, { '0.0': { activeDigest: 'new', acknowledged: true } }), 3000);
    expect(stale.next.state).toBe('reverting');
    expect(decideRollout(stopped, see(stopped), 3000).next.state).toBe('reverting');
    expect(decideRollout(stopped, see(stopped, { '0.0': { acknowledged: true } }), 3000).next.state).toBe('reverted');
  });

  it('ends without devices that stay away, says so, and still notices when they come back', () => {
    const now = updatedCanary();
    const stopped = decideRollout(now, see(now, {}, 'revert'), 2000).next;
    const ended = decideRollout(stopped, see(stopped), 602_000).next;
    expect(ended).toMatchObject({
      state: 'reverted',
      reason: 'reverted by request; 1 device had not gone back yet when it ended',
    });
    const back = decideRollout(ended, see(ended, { '0.0': { acknowledged: true } }), 900_000);
    expect(states(back)['0.0']).toBe('reverted');
  });

  it('leaves alone a device that somebody else has given another version', () => {
    const now = updatedCanary();
    const decision = decideRollout(now, see(now, { '0.0': { superseded: true } }, 'revert'), 2000);
    expect(desires(decision)).toEqual([]);
    expect(decision.next.state).toBe('reverted');
  });
});

describe('commands', () => {
  it('pauses: nobody new is offered the update, and the gate still stops it', () => {
    const now = updatedCanary();
    const paused = decideRollout(now, see(now, { '0.0': served }, 'pause'), 61_000);
    expect(paused.effects).toEqual([]);
    expect(paused.next).toMatchObject({ state: 'paused', reason: 'paused by request' });
    const later = decideRollout(paused.next, see(paused.next, { '0.0': served }), 90_000);
    expect(later.effects).toEqual([]);
    const breach = decideRollout(paused.next, see(paused.next, { '0.0': { ...served, errors: 9 } }), 90_000);
    expect(breach.next.state).toBe('reverting');
    const resumed = decideRollout(later.next, see(later.next, { '0.0': served }, 'resume'), 91_000);
    expect(desires(resumed)).toEqual(['1.0=new', '1.1=new']);
  });

  it('cancels: updated devices keep the new version, an offer that nobody took up is withdrawn', () => {
    const now = updatedCanary({ observeSeconds: 0 });
    const second = decideRollout(now, see(now, { '0.0': served }), 2000).next;
    const seen = { '0.0': served, '1.0': { event: 'begin' as const } };
    const cancelled = decideRollout(second, see(second, seen, 'cancel'), 3000);
    expect(states(cancelled)).toEqual({ '0.0': 'updated', '1.0': 'updating', '1.1': 'skipped' });
    expect(desires(cancelled)).toEqual(['1.1=old']);
    const later = decideRollout(cancelled.next, see(second, { ...seen, '1.0': { event: 'activate' } }), 4000);
    expect(states(later)['1.0']).toBe('updated');
    expect(later.next.state).toBe('cancelled');
  });

  it('refuses what the state does not allow, naming both', () => {
    const now = rollout([1]);
    expect(() => decideRollout(now, see(now, {}, 'resume'), 0)).toThrowError(LifecycleError);
    const done = { ...now, state: 'succeeded' as const };
    for (const command of ['pause', 'resume', 'cancel', 'revert'] as const)
      expect(() => decideRollout(done, see(done, {}, command), 0)).toThrowError(/a rollout that is succeeded cannot/);
  });
});
