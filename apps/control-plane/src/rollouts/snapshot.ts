import type { Gate, RolloutDeviceState, RolloutState } from '@verge/contracts';
import type { ReportedEvent } from './report-event.js';

/** Times are milliseconds since 1970, by the control plane's clock. */
export interface WaveSnapshot {
  readonly index: number;
  readonly state: 'waiting' | 'active' | 'passed' | 'failed';
  readonly startedAt: number | null;
  /** When the last of its devices was updated or failed; observation counts from here. */
  readonly settledAt: number | null;
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
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Everything that is decided; what is saved, and nothing else, carries over a restart. */
export interface RolloutSnapshot {
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
  /** Manifest digest that serves, as last reported. */
  readonly activeDigest: string | null;
  /** The artifact to return to, were the device offered the update now. */
  readonly fallbackDigest: string | null;
  /** Whether its last report speaks of the newest desired state. */
  readonly acknowledged: boolean;
  /** Whether somebody else has said since what the device is to run. */
  readonly superseded: boolean;
  readonly event: ReportedEvent | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Inference requests answered by the new artifact since the device was offered it, and those that ended in an error. */
  readonly requests: number;
  readonly errors: number;
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
  /** From now on the device is to run this artifact; null: nothing is desired, it keeps what runs. */
  | { readonly kind: 'desire'; readonly deviceId: string; readonly digest: string | null }
  /** A line in the device's history. */
  | { readonly kind: 'history'; readonly deviceId: string; readonly event: string; readonly message: string }
  /** A line in the audit, said by the system. */
  | { readonly kind: 'audit'; readonly action: string; readonly reason: string };

export interface RolloutDecision {
  readonly next: RolloutSnapshot;
  readonly effects: readonly RolloutEffect[];
}
