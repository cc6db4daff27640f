import type { Gate, RolloutDeviceState, RolloutState, WaveState } from '@verge/contracts';
import type { RolloutClock } from './clock.js';
import type { ReportedEvent } from './report-event.js';

/**
 * Names in `At` are milliseconds since 1970, by the database's clock, to be shown. Names in `Clock` are milliseconds on the
 * rollout's own clock, and time limits are counted from them alone.
 */
export interface WaveSnapshot {
  readonly index: number;
  readonly state: WaveState;
  readonly startedAt: number | null;
  /** When the last of its devices was updated, failed or left behind; observation counts from here. */
  readonly settledAt: number | null;
  readonly settledClock: number | null;
  readonly finishedAt: number | null;
}

export interface RolloutDeviceSnapshot {
  readonly deviceId: string;
  readonly wave: number;
  readonly state: RolloutDeviceState;
  /** The artifact of the release for the device's class; null for a device that is skipped. */
  readonly manifestDigest: string | null;
  /** What the device goes back to; null when it ran nothing. Known once it was offered the update. */
  readonly previousDigest: string | null;
  readonly offeredAt: number | null;
  readonly updatedAt: number | null;
  readonly revertingAt: number | null;
  /** Since when it has been silent in its state. */
  readonly sinceClock: number | null;
  /** The progress of its update that was last seen. */
  readonly progress: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Everything that is decided; what is saved, and nothing else, carries over a restart. */
export interface RolloutSnapshot extends RolloutClock {
  readonly id: string;
  readonly state: RolloutState;
  /** Why it stopped or waits, in words. */
  readonly reason: string;
  readonly gate: Gate;
  readonly waves: readonly WaveSnapshot[];
  readonly devices: readonly RolloutDeviceSnapshot[];
  readonly finishedAt: number | null;
}

export type RolloutCommand = 'pause' | 'resume' | 'cancel' | 'revert';

export interface DeviceObservation {
  readonly revoked: boolean;
  /** Whether a control plane holds its watch stream. */
  readonly online: boolean;
  /** Whether it is no longer in the rollout's group. */
  readonly moved: boolean;
  /** Manifest digest that serves, as last reported. */
  readonly activeDigest: string | null;
  /** What to return to, were the device offered the update now; null: it is to serve nothing. */
  readonly fallbackDigest: string | null;
  /** Whether its last report speaks of the newest desired state. */
  readonly acknowledged: boolean;
  /** Whether a newer rollout has said since what the device is to run. */
  readonly superseded: boolean;
  readonly event: ReportedEvent | null;
  /** Changes whenever the device gets on with its update. */
  readonly progress: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Requests that reached the new artifact since the device was offered it, and the model's own errors among them. */
  readonly requests: number;
  readonly errors: number;
  /** The same of the previous artifact, in the hour before the update. */
  readonly baselineRequests: number;
  readonly baselineErrors: number;
  /** Median latency of the new artifact, and of the previous one in the hour before the update; milliseconds. */
  readonly p50Ms: number | null;
  readonly baselineP50Ms: number | null;
}

export interface Observation {
  readonly devices: ReadonlyMap<string, DeviceObservation>;
  /** What a person asked for. */
  readonly command?: RolloutCommand;
}

export type RolloutEffect =
  /** From now on the device is to run this artifact; null: it is to serve nothing. */
  | { readonly kind: 'desire'; readonly deviceId: string; readonly digest: string | null }
  /** A line in the device's history. */
  | { readonly kind: 'history'; readonly deviceId: string; readonly event: string; readonly message: string }
  /** A line in the audit, said by the system. */
  | { readonly kind: 'audit'; readonly action: string; readonly reason: string };

export interface RolloutDecision {
  readonly next: RolloutSnapshot;
  readonly effects: readonly RolloutEffect[];
}
