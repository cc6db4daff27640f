/**
 * A fleet of simulated devices that come and go, under a wall clock that jumps, a control plane that stops and starts, and a
 * person who pauses: a healthy model is never reverted, and no wave passes unseen.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quiet, rolloutOf } from '../../test/rollouts/snapshots.js';
import { decideRollout } from './decide.js';
import type { DeviceObservation, RolloutSnapshot } from './snapshot.js';

interface Availability {
  /** Share of the time that the device is there. */
  readonly share: number;
  /** How long it stays as it is, in seconds of real time. */
  readonly spellSeconds: number;
}

type Disturbance = 'none' | 'clock forward' | 'clock back' | 'restart' | 'pause' | 'resume';

/** A device that does what it is asked, whenever it is there. */
class Device {
  private active: string | null = 'old';
  private event: DeviceObservation['event'] = null;
  private requests = 0;
  private acknowledged = false;
  private progress = 'idle';
  private present = true;
  private left: number;
  desired: string | null = 'old';

  constructor(
    private readonly availability: Availability,
    private readonly random: () => number,
  ) {
    this.left = random() * availability.spellSeconds;
    this.present = random() < availability.share;
  }

  ask(digest: string | null): void {
    this.desired = digest;
    this.acknowledged = false;
  }

  live(seconds: number): void {
    this.left -= seconds;
    if (this.left < 0) {
      this.present = this.random() < this.availability.share;
      this.left = this.random() * this.availability.spellSeconds;
    }
    if (!this.present) return;
    this.acknowledged = true;
    if (this.active === this.desired) {
      if (this.active === 'new') this.requests += Math.ceil(seconds);
      return;
    }
    if (this.desired === 'new' && this.event === null) {
      this.event = 'begin';
      this.progress = `downloading ${this.random()}`;
      return;
    }
    this.active = this.desired;
    if (this.active === 'new') this.event = 'activate';
  }

  /** What the control plane knows: the last that was reported. The old and the new version err alike. */
  seen(): DeviceObservation {
    const { active, event, requests, acknowledged, progress, present } = this;
    return {
      ...quiet,
      online: present,
      activeDigest: active,
      acknowledged,
      event,
      progress,
      requests,
      errors: Math.floor(requests / 20),
      baselineRequests: 1000,
      baselineErrors: 50,
      p50Ms: requests > 0 ? 10 : null,
    };
  }
}

interface Fleet {
  readonly size: number;
  readonly availabilities: readonly Availability[];
  readonly disturbances: readonly Disturbance[];
  readonly seed: number;
}

function simulate({ size, availabilities, disturbances, seed }: Fleet, looks: number) {
  const random = generator(seed);
  const first = Math.max(1, Math.floor(size / 20));
  const limits = { maxErrorRate: 0.01, minRequests: 20, observeSeconds: 30, deviceTimeoutSeconds: 120 };
  let rollout = rolloutOf([1, first, size - first - 1], limits);
  const devices = new Map(
    rollout.devices.map((d, i) => [d.deviceId, new Device(availabilities[i % availabilities.length]!, random)]),
  );
  let wall = 1_000_000_000;
  const history: RolloutSnapshot[] = [];
  for (let look = 0; look < looks; look++) {
    const disturbance = disturbances[look % disturbances.length]!;
    // Without a control plane an hour passes for the devices too, but nobody hears of it.
    const seconds = disturbance === 'restart' ? 3600 : 5;
    for (const device of devices.values()) device.live(seconds);
    wall += seconds * 1000;
    if (disturbance === 'clock forward') wall += 3_600_000;
    if (disturbance === 'clock back') wall -= 3_600_000;
    const observed = new Map([...devices].map(([id, device]) => [id, device.seen()]));
    const pause = disturbance === 'pause' && rollout.state === 'running';
    const resume = rollout.state === 'paused' && (disturbance === 'resume' || look % 7 === 0);
    const command = pause ? ('pause' as const) : resume ? ('resume' as const) : undefined;
    const asked = command === undefined ? { devices: observed } : { devices: observed, command };
    const { next, effects } = decideRollout(rollout, asked, wall);
    for (const effect of effects) if (effect.kind === 'desire') devices.get(effect.deviceId)!.ask(effect.digest);
    rollout = next;
    history.push(next);
  }
  return { history, devices };
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const availability = fc.record({
  share: fc.constantFrom(0, 0.1, 0.5, 0.9, 1),
  spellSeconds: fc.constantFrom(5, 60, 600, 7200),
});
const disturbance = fc.constantFrom<Disturbance>(
  ...(['none', 'none', 'none', 'none', 'clock forward', 'clock back', 'restart', 'pause', 'resume'] as const),
);
const fleetOf = (size: number): fc.Arbitrary<Fleet> =>
  fc.record({
    size: fc.constant(size),
    availabilities: fc.array(availability, { minLength: 1, maxLength: 8 }),
    disturbances: fc.array(disturbance, { minLength: 1, maxLength: 30 }),
    seed: fc.integer(),
  });

function expectHealthy(fleet: Fleet, looks: number): void {
  const { history } = simulate(fleet, looks);
  for (const rollout of history) {
    expect(['running', 'paused', 'succeeded']).toContain(rollout.state);
    expect(rollout.devices.filter((d) => d.state === 'failed')).toEqual([]);
    for (const wave of rollout.waves) {
      if (wave.state !== 'passed') continue;
      expect(rollout.devices.some((d) => d.wave === wave.index && d.state === 'updated')).toBe(true);
    }
  }
}

describe('a healthy model', () => {
  it('is never reverted, whatever the devices, the clock and the control plane do', () => {
    fc.assert(
      fc.property(fleetOf(12), (fleet) => expectHealthy(fleet, 120)),
      { numRuns: process.env['VERGE_TEST_FULL'] ? 2000 : 100 },
    );
  });

  it('reaches every device of a fleet of 200 that comes back at last', () => {
    const kinds = [0.2, 0.5, 0.9, 1].map((share) => ({ share, spellSeconds: 300 }));
    const disturbances: Disturbance[] = [...Array<Disturbance>(40).fill('none'), 'clock forward', 'restart'];
    const { history, devices } = simulate({ size: 200, availabilities: kinds, disturbances, seed: 7 }, 900);
    const last = history.at(-1)!;
    expect(last.state).toBe('succeeded');
    // It ended before all of them were there, and they were updated all the same.
    expect(history.find((r) => r.state === 'succeeded')!.devices.some((d) => d.state === 'pending')).toBe(true);
    expect(last.devices.every((d) => d.state === 'updated')).toBe(true);
    expect([...devices.values()].every((device) => device.seen().activeDigest === 'new')).toBe(true);
  });
});
