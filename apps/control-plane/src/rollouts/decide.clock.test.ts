/** Time limits are counted on the rollout's own clock: pauses, outages and steps of the wall clock are not silence. */
import { describe, expect, it } from 'vitest';
import { Gate } from '@verge/contracts';
import { lookUntil, rolloutOf, see } from '../../test/rollouts/snapshots.js';
import { longestStepMs, moveOn } from './clock.js';
import { decideRollout } from './decide.js';
import type { RolloutSnapshot } from './snapshot.js';

const hour = 3_600_000;
const begun = { '0.0': { event: 'begin', progress: 'downloading 1' } } as const;
const start = (): RolloutSnapshot => {
  const begin = rolloutOf([2]);
  const offered = lookUntil(begin, see(begin), 0).next;
  return lookUntil(offered, see(begin, begun), 1000).next;
};
const states = (snapshot: RolloutSnapshot) => snapshot.devices.map((d) => d.state);

describe('the clock of a rollout', () => {
  it('follows the wall clock in steps that are looks apart', () => {
    expect(moveOn({ state: 'running', clock: 5000, tickedAt: 1000 }, 2000)).toEqual({ clock: 6000, tickedAt: 2000 });
  });

  it('stands still while the rollout is paused', () => {
    let now = decideRollout(start(), see(start(), begun, 'pause'), 2000).next;
    now = lookUntil(now, see(now, begun), 10 * hour).next;
    expect([now.clock, ...states(now)]).toEqual([2000, 'updating', 'offered']);
    now = decideRollout(now, see(now, begun, 'resume'), 10 * hour + 1000).next;
    expect(lookUntil(now, see(now, begun), 10 * hour + 590_000).next.clock).toBe(591_000);
    expect(states(lookUntil(now, see(now, begun), 10 * hour + 610_000).next)).toEqual(['stalled', 'pending']);
  });

  it.each([
    ['forward by an hour', hour],
    ['back by an hour', -hour],
    ['on by an hour in which no control plane ran', hour],
  ])('takes a wall clock that goes %s for one look at most', (_, step) => {
    const now = decideRollout(start(), see(start(), begun), 1000 + step).next;
    expect(now.clock).toBe(1000 + Math.min(Math.max(0, step), longestStepMs));
    expect(states(now)).toEqual(['updating', 'offered']);
    expect(lookUntil(now, see(now, begun), now.tickedAt! + 580_000).next).toMatchObject({ state: 'running' });
  });

  it('counts the observation and the end of a revert on it as well', () => {
    const served = { event: 'activate', requests: 10, p50Ms: 10, activeDigest: 'new' } as const;
    const both = { '0.0': served, '0.1': served };
    const now = decideRollout(start(), see(start(), both), 2000).next;
    expect(decideRollout(now, see(now, both), 2000 + hour).next.state).toBe('running');
    const stopped = decideRollout(now, see(now, both, 'revert'), 3000).next;
    expect(decideRollout(stopped, see(now, both), 3000 + hour).next.state).toBe('reverting');
  });

  it('begins with the first look at a rollout that an earlier version left open', () => {
    const begun = start();
    const devices = begun.devices.map((d) => ({ ...d, state: 'offered' as const, sinceClock: null, progress: null }));
    const old = { ...begun, devices, clock: 0, tickedAt: null };
    const first = decideRollout(old, see(old), 100 * hour).next;
    expect([first.clock, ...states(first)]).toEqual([0, 'offered', 'offered']);
    expect(states(lookUntil(first, see(old), 100 * hour + 599_000).next)).toEqual(['offered', 'offered']);
    expect(states(lookUntil(first, see(old), 100 * hour + 601_000).next)).toEqual(['pending', 'pending']);
  });

  it('is asked by a gate that an earlier version wrote down as it is now by default', () => {
    const written = {
      maxFailedFraction: 0,
      maxErrorRate: 0.01,
      maxLatencyRatio: 1.5,
      minRequests: 20,
      observeSeconds: 60,
      deviceTimeoutSeconds: 3600,
    };
    expect(Gate.parse(written)).toEqual(Gate.parse({}));
  });
});
