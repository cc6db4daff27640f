/** Only what was reported counts: what becomes of devices that are switched off, fall silent, or come back later. */
import { describe, expect, it } from 'vitest';
import type { RolloutDeviceState } from '@verge/contracts';
import { rolloutDeviceLifecycle } from '@verge/contracts';
import { gate, lookUntil, quiet, rolloutOf, see } from '../../test/rollouts/snapshots.js';
import { stepDevice } from './device-step.js';
import type { DeviceObservation, RolloutDecision, RolloutSnapshot } from './snapshot.js';

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

describe('a device that is switched off', () => {
  const nineOfTen = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`0.${i}`, served]));

  it('does not revert nine healthy ones: it is left behind as pending and the rollout succeeds', () => {
    let now = start([10]);
    now = lookUntil(now, see(now, nineOfTen), 599_000).next;
    expect(now).toMatchObject({ state: 'running', reason: 'wave 1: waiting for 1 of 10 devices' });
    const done = lookUntil(now, see(now, nineOfTen), 601_000);
    expect(done.next.state).toBe('succeeded');
    expect(done.next.reason).toBe('1 device had not been updated when it ended, and will be on coming back');
    expect(states(done.next)['0.9']).toBe('pending');
    // What it is to run stays as it was offered.
    expect(desires(done)).toEqual([]);
  });

  it('is updated when it comes back after the rollout has succeeded, and keeps the old version if it then fails', () => {
    let now = start([10]);
    now = lookUntil(now, see(now, nineOfTen), 601_000).next;
    const begun = lookUntil(now, see(now, { '0.9': { event: 'begin' } }), 9_000_000).next;
    expect(states(begun)['0.9']).toBe('updating');
    const back = lookUntil(begun, see(now, { '0.9': served }), 9_001_000);
    expect([states(back.next)['0.9'], back.next.state]).toEqual(['updated', 'succeeded']);
    const bad = lookUntil(begun, see(now, { '0.9': failure }), 9_001_000);
    expect([states(bad.next)['0.9'], bad.next.state]).toEqual(['failed', 'succeeded']);
    expect(desires(bad)).toEqual(['0.9=old']);
  });

  it('goes back with the others when the rollout is reverted, without keeping the group waiting', () => {
    let now = start([10]);
    const away = { '0.9': { online: false } };
    now = lookUntil(now, see(now, away), 601_000).next;
    const stopped = lookUntil(now, see(now, { ...away, '0.0': failure }), 602_000);
    expect(desires(stopped)).toContain('0.9=old');
    const answered = Object.fromEntries(Object.keys(nineOfTen).map((id) => [id, { acknowledged: true }]));
    const waits = lookUntil(stopped.next, see(now, { ...answered, ...away }), 615_000).next;
    expect(waits.state).toBe('reverting');
    const ended = lookUntil(waits, see(now, { ...answered, ...away }), 640_000).next;
    expect(ended.state).toBe('reverted');
    expect(ended.reason).toMatch(/; 1 device had not gone back yet when it ended$/);
    expect(states(ended)['0.9']).toBe('reverting');
    const back = lookUntil(ended, see(now, { '0.9': { acknowledged: true } }), 9_000_000).next;
    expect(states(back)['0.9']).toBe('reverted');
  });

  it('holds the waves back while too few of a wave have spoken, and nobody at all never passes', () => {
    const now = start([1, 4, 5]);
    expect(lookUntil(now, see(now), 5_000_000).next).toMatchObject({
      state: 'running',
      reason: 'wave 1: 0 of 1 device reached so far, 1 must be before it goes on',
    });
    const second = lookUntil(now, see(now, { '0.0': served }), 1000).next;
    const one = { '0.0': served, '1.0': served };
    const few = lookUntil(second, see(now, one), 1_000_000).next;
    expect(few.reason).toBe('wave 2: 1 of 4 devices reached so far, 2 must be before it goes on');
    const enough = lookUntil(few, see(now, { ...one, '1.1': served }), 1_001_000);
    expect(enough.next.waves.map((w) => w.state)).toEqual(['passed', 'passed', 'active']);
  });

  it('ends with a last wave of which nobody was reached, and does not call it passed', () => {
    const now = start([1, 3]);
    const done = lookUntil(now, see(now, { '0.0': served }), 700_000).next;
    expect(done.state).toBe('succeeded');
    expect(done.waves.map((w) => w.state)).toEqual(['passed', 'unreached']);
    expect(states(done)).toEqual({ '0.0': 'updated', '1.0': 'pending', '1.1': 'pending', '1.2': 'pending' });
  });

  it('is withdrawn from a rollout that is cancelled', () => {
    let now = start([2]);
    now = lookUntil(now, see(now, { '0.0': served }), 500_000).next;
    now = { ...now, gate: { ...now.gate, observeSeconds: 10_000 } };
    now = lookUntil(now, see(now, { '0.0': served }), 700_000).next;
    expect(states(now)['0.1']).toBe('pending');
    const cancelled = lookUntil(now, see(now, { '0.0': served }, 'cancel'), 701_000);
    expect(desires(cancelled)).toEqual(['0.1=old']);
    expect(states(cancelled.next)).toEqual({ '0.0': 'updated', '0.1': 'skipped' });
  });
});

describe('a device that began and fell silent', () => {
  const begun = { event: 'begin', progress: 'downloading 10' } as const;

  it('is stalled: shown, no failure of the model by itself, and updated when it goes on', () => {
    let now = start([3]);
    const others = { '0.0': served, '0.1': served };
    now = lookUntil(now, see(now, { ...others, '0.2': begun }), 1000).next;
    expect(lookUntil(now, see(now, { ...others, '0.2': begun }), 600_000).next.state).toBe('running');
    const done = lookUntil(now, see(now, { ...others, '0.2': begun }), 602_000).next;
    expect([done.state, states(done)['0.2']]).toEqual(['succeeded', 'stalled']);
    const on = lookUntil(done, see(now, { '0.2': { ...begun, progress: 'downloading 20' } }), 603_000).next;
    expect(states(on)['0.2']).toBe('updating');
  });

  it('counts as failed where the gate says so', () => {
    let now = start([2], { countStalled: true });
    now = lookUntil(now, see(now, { '0.0': served, '0.1': begun }), 1000).next;
    const late = lookUntil(now, see(now, { '0.0': served, '0.1': begun }), 602_000).next;
    expect(late).toMatchObject({ state: 'reverting', reason: 'wave 1: 1 of 2 devices failed, at most 0 % may' });
  });

  it('is waited for while it makes progress, however slow', () => {
    let now = start([1]);
    for (let at = 1000; at < 6_000_000; at += 300_000)
      now = lookUntil(now, see(now, { '0.0': { event: 'begin', progress: `downloading ${at}` } }), at).next;
    expect(states(now)['0.0']).toBe('updating');
  });

  it('holds a canary back: a model that takes its device down reports nothing', () => {
    let now = start([1, 5]);
    now = lookUntil(now, see(now, { '0.0': begun }), 1000).next;
    now = lookUntil(now, see(now, { '0.0': begun }), 5_000_000).next;
    expect([now.state, states(now)['0.0'], now.waves[1]!.state]).toEqual(['running', 'stalled', 'waiting']);
  });
});

describe('traffic that does not come', () => {
  const idle = { event: 'activate', activeDigest: 'new' } as const;
  const waiting = { minRequests: 10, observeSeconds: 60, trafficSeconds: 3600 };

  it('pauses the rollout after its time, says so, and waits as long again after a resume', () => {
    let now = start([1, 1], waiting);
    now = lookUntil(now, see(now, { '0.0': idle }), 1000).next;
    now = lookUntil(now, see(now, { '0.0': idle }), 3_600_000).next;
    expect(now.reason).toBe('wave 1: 1 device has answered fewer than 10 requests so far');
    now = lookUntil(now, see(now, { '0.0': idle }), 3_602_000).next;
    expect(now.state).toBe('paused');
    expect(now.reason).toMatch(/^wave 1: paused, for no device has answered 10 requests within 3600 s/);
    const resumed = lookUntil(now, see(now, { '0.0': idle }, 'resume'), 3_603_000).next;
    expect(resumed.state).toBe('running');
    const later = lookUntil(resumed, see(now, { '0.0': idle }), 7_000_000).next;
    expect(later.state).toBe('running');
    expect(lookUntil(later, see(now, { '0.0': { ...idle, ...served } }), 7_001_000).next.waves[0]!.state).toBe(
      'passed',
    );
    expect(lookUntil(later, see(now, { '0.0': idle }), 7_300_000).next.state).toBe('paused');
  });

  it('goes on without where the gate says so, or when another device of the wave had its requests', () => {
    let now = start([2, 1], { ...waiting, whenNoTraffic: 'pass' });
    now = lookUntil(now, see(now, { '0.0': idle, '0.1': idle }), 1000).next;
    expect(lookUntil(now, see(now, { '0.0': idle, '0.1': idle }), 3_602_000).next.waves[0]!.state).toBe('passed');
    let two = start([2, 1], waiting);
    two = lookUntil(two, see(two, { '0.0': idle, '0.1': served }), 1000).next;
    expect(lookUntil(two, see(two, { '0.0': idle, '0.1': served }), 3_602_000).next.waves[0]!.state).toBe('passed');
  });
});

/** What each state becomes when the device succeeds, reports an error, or is gone for longer than its time. */
const outcomes: Record<RolloutDeviceState, [succeeds: string, errors: string, killed: string]> = {
  waiting: ['waiting', 'waiting', 'waiting'],
  offered: ['updated', 'failed', 'pending'],
  pending: ['updated', 'failed', 'pending'],
  updating: ['updated', 'failed', 'stalled'],
  stalled: ['updated', 'failed', 'stalled'],
  updated: ['updated', 'failed', 'updated'],
  failed: ['failed', 'failed', 'failed'],
  reverting: ['reverting', 'reverting', 'reverting'],
  reverted: ['reverted', 'reverted', 'reverted'],
  skipped: ['skipped', 'skipped', 'skipped'],
};

describe('every state of a device', () => {
  const context = { clock: 700_000, now: 0, timeoutMs: gate.deviceTimeoutSeconds * 1000, open: true };
  const [device] = rolloutOf([1]).devices;
  const become = (state: RolloutDeviceState, seen: Partial<DeviceObservation>) =>
    stepDevice(
      { ...device!, state, sinceClock: 0, progress: 'idle', previousDigest: 'old' },
      { ...quiet, ...seen },
      context,
    ).device.state;

  it.each(Object.keys(rolloutDeviceLifecycle.table) as RolloutDeviceState[])('%s', (state) => {
    const killed = state === 'updating' || state === 'stalled' ? ({ event: 'begin' } as const) : {};
    expect([become(state, served), become(state, failure), become(state, killed)]).toEqual(outcomes[state]);
  });
});
