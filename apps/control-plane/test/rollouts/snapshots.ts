/** Rollouts and what is seen of them, as values for tests of the decision. */
import type { Gate } from '@verge/contracts';
import { longestStepMs } from '../../src/rollouts/clock.js';
import { decideRollout } from '../../src/rollouts/decide.js';
import type {
  DeviceObservation,
  Observation,
  RolloutDecision,
  RolloutEffect,
  RolloutSnapshot,
} from '../../src/rollouts/snapshot.js';

export const gate: Gate = {
  maxFailedFraction: 0,
  maxErrorRate: 0.1,
  maxLatencyRatio: 1.5,
  minRequests: 10,
  trafficSeconds: 86_400,
  whenNoTraffic: 'pause',
  observeSeconds: 60,
  deviceTimeoutSeconds: 600,
  minReachedFraction: 0.5,
  countStalled: false,
};

/** A device that runs the old version and has not been heard of since it was offered the new one. */
export const quiet: DeviceObservation = {
  revoked: false,
  online: true,
  moved: false,
  activeDigest: 'old',
  fallbackDigest: 'old',
  acknowledged: false,
  superseded: false,
  event: null,
  progress: 'idle',
  error: null,
  requests: 0,
  errors: 0,
  baselineRequests: 0,
  baselineErrors: 0,
  p50Ms: null,
  baselineP50Ms: 10,
};

/** A rollout that has not begun; its devices are named wave.number. */
export function rolloutOf(waves: readonly number[], overrides: Partial<Gate> = {}): RolloutSnapshot {
  return {
    id: 'r',
    state: 'running',
    reason: '',
    gate: { ...gate, ...overrides },
    finishedAt: null,
    clock: 0,
    tickedAt: null,
    waves: waves.map((_, index) => ({
      index,
      state: 'waiting',
      startedAt: null,
      settledAt: null,
      settledClock: null,
      finishedAt: null,
    })),
    devices: waves.flatMap((size, wave) =>
      Array.from({ length: size }, (_, i) => ({
        deviceId: `${wave}.${i}`,
        wave,
        state: 'waiting' as const,
        manifestDigest: 'new',
        previousDigest: null,
        offeredAt: null,
        updatedAt: null,
        revertingAt: null,
        sinceClock: null,
        progress: null,
        error: null,
      })),
    ),
  };
}

export function see(
  snapshot: RolloutSnapshot,
  seen: Record<string, Partial<DeviceObservation>> = {},
  command?: Observation['command'],
): Observation {
  const devices = new Map(snapshot.devices.map((d) => [d.deviceId, { ...quiet, ...seen[d.deviceId] }]));
  return command === undefined ? { devices } : { devices, command };
}

/** Looks at the rollout every few seconds up to `now`, as the scheduler does; the command comes with the last look. */
export function lookUntil(previous: RolloutSnapshot, observed: Observation, now: number): RolloutDecision {
  let next = previous;
  const effects: RolloutEffect[] = [];
  for (let at = previous.tickedAt ?? now; at + longestStepMs < now;) {
    at += longestStepMs;
    const decision = decideRollout(next, { devices: observed.devices }, at);
    next = decision.next;
    effects.push(...decision.effects);
  }
  const last = decideRollout(next, observed, now);
  return { next: last.next, effects: [...effects, ...last.effects] };
}
