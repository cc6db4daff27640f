import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFinal, LifecycleError, rolloutLifecycle } from '@verge/contracts';
import { lookUntil, quiet, rolloutOf } from '../../test/rollouts/snapshots.js';
import { decideRollout } from './decide.js';
import type { DeviceObservation, RolloutCommand, RolloutSnapshot } from './snapshot.js';

const observation: fc.Arbitrary<DeviceObservation> = fc.record({
  revoked: fc.constant(false),
  online: fc.boolean(),
  moved: fc.constant(false),
  progress: fc.constantFrom('idle', 'downloading 1', 'downloading 2'),
  activeDigest: fc.constantFrom('old', 'new', null),
  fallbackDigest: fc.constantFrom('old', 'old', null),
  acknowledged: fc.boolean(),
  superseded: fc.constant(false),
  event: fc.constantFrom('begin' as const, 'activate' as const, 'activate' as const, 'fail' as const, null),
  error: fc.constant(null),
  requests: fc.nat(100),
  errors: fc.nat(3),
  baselineRequests: fc.constantFrom(0, 100),
  baselineErrors: fc.nat(3),
  p50Ms: fc.constantFrom(null, 5, 10, 12, 40),
  baselineP50Ms: fc.constantFrom(null, 10),
});
const turn = fc.record({
  after: fc.nat(200_000),
  devices: fc.array(observation, { minLength: 6, maxLength: 6 }),
  command: fc.option(fc.constantFrom<RolloutCommand>('pause', 'resume', 'resume', 'cancel', 'revert'), { freq: 8 }),
});
const gate = fc.record({
  maxFailedFraction: fc.constantFrom(0, 0.5, 1),
  maxErrorRate: fc.constantFrom(0, 0.01, 1),
  maxLatencyRatio: fc.constantFrom(null, 1.5),
  minRequests: fc.constantFrom(0, 20),
  observeSeconds: fc.constantFrom(0, 15),
  deviceTimeoutSeconds: fc.constantFrom(15, 3600),
  trafficSeconds: fc.constantFrom(30, 86_400),
  whenNoTraffic: fc.constantFrom('pause' as const, 'pass' as const),
  minReachedFraction: fc.constantFrom(0, 0.5, 1),
  countStalled: fc.boolean(),
});

const start = (g: RolloutSnapshot['gate']): RolloutSnapshot => rolloutOf([1, 2, 3], g);

function advance(previous: RolloutSnapshot, step: typeof turn extends fc.Arbitrary<infer T> ? T : never, now: number) {
  const devices = new Map(previous.devices.map((d, i) => [d.deviceId, step.devices[i]!]));
  try {
    const command = step.command;
    return decideRollout(previous, command === null ? { devices } : { devices, command }, now);
  } catch (error) {
    // A command that the state does not allow changes nothing.
    expect(error).toBeInstanceOf(LifecycleError);
    expect(step.command).not.toBeNull();
    return { next: previous, effects: [] };
  }
}

describe('decideRollout, whatever devices and people do', () => {
  it('keeps its promises', () => {
    fc.assert(
      fc.property(gate, fc.array(turn, { minLength: 1, maxLength: 25 }), (g, turns) => {
        let now = 0;
        let snapshot = start(g);
        const desired = new Map<string, string | null>();
        for (const step of turns) {
          now += step.after;
          const before = snapshot;
          const { next, effects } = advance(before, step, now);
          for (const effect of effects) if (effect.kind === 'desire') desired.set(effect.deviceId, effect.digest);
          snapshot = next;

          const offeredNow = next.devices.filter(
            (d, i) => before.devices[i]!.offeredAt === null && d.offeredAt !== null,
          );
          // A wave is offered only while running, and only after all waves before it have passed.
          if (offeredNow.length > 0) expect(before.state === 'running' || step.command === 'resume').toBe(true);
          for (const d of offeredNow)
            for (const wave of next.waves) if (wave.index < d.wave) expect(wave.state).toBe('passed');
          // A wave that passed was spoken for: what nobody has reported on has not passed.
          for (const [i, wave] of next.waves.entries())
            if (wave.state === 'passed' && before.waves[i]!.state !== 'passed')
              expect(next.devices.some((d) => d.wave === i && ['updated', 'failed'].includes(d.state))).toBe(true);
          // A rollout that ended stays ended.
          if (isFinal(rolloutLifecycle, before.state)) expect(next.state).toBe(before.state);
          expect(next.finishedAt !== null).toBe(isFinal(rolloutLifecycle, next.state));
          for (const d of next.devices) {
            // Whoever is out of it again is no longer asked to run the new version, and one that runs it still is.
            if (d.offeredAt !== null && ['failed', 'reverting', 'reverted', 'skipped'].includes(d.state))
              expect(desired.get(d.deviceId)).toBe(d.previousDigest);
            if (['pending', 'updating', 'stalled', 'updated'].includes(d.state))
              expect(desired.get(d.deviceId)).toBe('new');
            // After a stop nobody is left in the middle.
            if (next.state === 'reverting' || next.state === 'reverted')
              expect(['skipped', 'reverting', 'reverted']).toContain(d.state);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('decides nothing twice: what it saved and the same facts give no further effect', () => {
    fc.assert(
      fc.property(gate, fc.array(turn, { minLength: 1, maxLength: 12 }), (g, turns) => {
        let now = 0;
        let snapshot = start(g);
        for (const step of turns) {
          now += step.after;
          snapshot = advance(snapshot, step, now).next;
          // Each wave takes two turns, one to be offered and one to be heard; a stop and its confirmation two more.
          let settled = snapshot;
          for (let i = 0; i < 2 * snapshot.waves.length + 2; i++) {
            settled = advance(settled, { ...step, command: null }, now).next;
          }
          expect(advance(settled, { ...step, command: null }, now).effects).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes to an end when every device settles and answers', () => {
    fc.assert(
      fc.property(gate, fc.array(turn, { maxLength: 10 }), (g, turns) => {
        let now = 0;
        let snapshot = start(g);
        for (const step of turns) {
          now += step.after;
          snapshot = advance(snapshot, { ...step, command: null }, now).next;
        }
        // A person who is asked to decide goes on.
        if (snapshot.state === 'paused')
          snapshot = decideRollout(snapshot, { devices: new Map(), command: 'resume' }, now).next;
        for (let i = 0; i < 12; i++) {
          now += 100_000;
          const devices = new Map(
            snapshot.devices.map((d): [string, DeviceObservation] => [
              d.deviceId,
              {
                ...quiet,
                activeDigest: d.state === 'reverting' ? d.previousDigest : 'new',
                acknowledged: true,
                event: d.state === 'failed' ? null : 'activate',
                requests: 100,
                p50Ms: 10,
              },
            ]),
          );
          snapshot = lookUntil(snapshot, { devices }, now).next;
        }
        expect(isFinal(rolloutLifecycle, snapshot.state)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
