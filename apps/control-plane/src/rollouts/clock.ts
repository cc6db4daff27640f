/**
 * A rollout's own clock. Time limits are counted on it and never on a wall clock, so that a pause, an outage of the control
 * plane and a wall clock that is set forward or back do not pass for silence of the devices.
 */
import type { RolloutState } from '@verge/contracts';

/** The most that one look moves the clock on. Looks are a second apart; a longer gap means that nobody was looking. */
export const longestStepMs = 10_000;

export interface RolloutClock {
  /** Milliseconds that the rollout has been under way. */
  readonly clock: number;
  /** When it was last moved on, by the wall clock of the database; null before the first time. */
  readonly tickedAt: number | null;
}

export function moveOn(previous: RolloutClock & { readonly state: RolloutState }, now: number): RolloutClock {
  const { state, clock, tickedAt } = previous;
  const passed = tickedAt === null || state === 'paused' ? 0 : now - tickedAt;
  return { clock: clock + Math.min(Math.max(0, passed), longestStepMs), tickedAt: now };
}
