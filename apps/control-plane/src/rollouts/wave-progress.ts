/** Whether an active wave has shown enough for the rollout to go on. Pure. */
import type { Gate } from '@verge/contracts';
import type { WaveMember } from './gate.js';
import { waveFigures } from './gate.js';
import type { WaveSnapshot } from './snapshot.js';

export interface WaveQuestion {
  readonly wave: WaveSnapshot;
  readonly members: readonly WaveMember[];
  readonly gate: Gate;
  /** On the rollout's clock. */
  readonly clock: number;
  /** Whether nothing is left to be offered after it. */
  readonly last: boolean;
  /** Devices of the other waves that have reported how it went. */
  readonly reachedElsewhere: number;
}

export type WaveProgress =
  /** `settled`: only its observation is still going on. */
  | { readonly kind: 'waits'; readonly reason: string; readonly settled: boolean }
  | { readonly kind: 'passes' }
  /** It showed nothing, and nothing depends on it. */
  | { readonly kind: 'unreached' }
  /** A person has to decide. `empty`: none of its devices is left, so there is nothing to wait for. */
  | { readonly kind: 'pauses'; readonly reason: string; readonly empty: boolean }
  /** None of the rollout's devices is left. */
  | { readonly kind: 'ends'; readonly reason: string };

export const devicesInWords = (count: number): string => `${count} device${count === 1 ? '' : 's'}`;

export function waveProgress(question: WaveQuestion): WaveProgress {
  const { wave, members, gate, clock, last, reachedElsewhere } = question;
  const name = `wave ${wave.index + 1}`;
  const count = (...states: string[]) => members.filter(({ device }) => states.includes(device.state)).length;
  const present = members.length - count('skipped');
  if (present === 0) return withoutMembers(name, question);
  const open = count('offered', 'updating');
  if (open > 0) return waits(`${name}: waiting for ${open} of ${devicesInWords(present)}`);

  // Evidence before time: a wave of which nobody has spoken has not passed, however long ago it was offered.
  const reached = count('updated', 'failed');
  const needed = last ? (reachedElsewhere > 0 ? 0 : 1) : Math.max(1, Math.ceil(present * gate.minReachedFraction));
  if (reached < needed) {
    return waits(
      `${name}: ${reached} of ${devicesInWords(present)} reached so far, ${needed} must be before it goes on`,
    );
  }
  if (reached === 0) return { kind: 'unreached' };
  const observed = clock - (wave.settledClock ?? clock);
  if (observed < gate.observeSeconds * 1000) return waits(`${name}: observed for ${gate.observeSeconds} s`, true);
  return afterTraffic(name, question, observed);
}

function afterTraffic(name: string, { members, gate }: WaveQuestion, observed: number): WaveProgress {
  const { withTraffic, withoutTraffic } = waveFigures(members, gate);
  if (withoutTraffic === 0) return { kind: 'passes' };
  if (observed < gate.trafficSeconds * 1000) {
    const has = withoutTraffic === 1 ? 'has' : 'have';
    const few = `${devicesInWords(withoutTraffic)} ${has} answered fewer than ${gate.minRequests} requests so far`;
    return waits(`${name}: ${few}`, true);
  }
  if (withTraffic > 0 || gate.whenNoTraffic === 'pass') return { kind: 'passes' };
  const reason =
    `${name}: paused, for no device has answered ${gate.minRequests} requests within ${gate.trafficSeconds} s; ` +
    'resume waits as long again';
  return { kind: 'pauses', reason, empty: false };
}

function withoutMembers(name: string, { last, reachedElsewhere }: WaveQuestion): WaveProgress {
  if (last && reachedElsewhere > 0) return { kind: 'unreached' };
  if (last) return { kind: 'ends', reason: 'none of its devices is left in the rollout' };
  const reason = `${name}: paused, for none of its devices is left in the rollout; resume starts the next wave without it`;
  return { kind: 'pauses', reason, empty: true };
}

function waits(reason: string, settled = false): WaveProgress {
  return { kind: 'waits', reason, settled };
}
